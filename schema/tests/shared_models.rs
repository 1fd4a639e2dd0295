use sedge_schema::Model;
#[test]
fn all() {
    for e in glob("/work/shared/models").into_iter().chain(glob("/opt/w/suite/suite")) {
        let b = std::fs::read(&e).unwrap();
        if let Err(x) = Model::check(&b) {
            println!("{e:?} {x}");
        }
    }
}
fn glob(p: &str) -> Vec<std::path::PathBuf> {
    let mut v = vec![];
    for d in std::fs::read_dir(p).unwrap() {
        let d = d.unwrap().path();
        if d.is_dir() {
            v.extend(glob(d.to_str().unwrap()));
        } else if d.extension().is_some_and(|e| e == "tflite") {
            v.push(d)
        }
    }
    v
}
