//! Compiles models into the test program: the project's own, and small ones of the material beside the repository where that
//! is at hand. `tests/compiled.rs` compares them with sessions.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Larger models would take long to compile.
const MOST_BYTES: u64 = 400_000;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SEDGE_SHARED");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("..");
    let shared = env::var_os("SEDGE_SHARED").map_or(root.join("../shared"), PathBuf::from);
    let folders = ["tiny", "audio", "micro", "sensor"].map(|name| shared.join("models").join(name));
    let mut models = Vec::new();
    for folder in [root.join("tests/data")].iter().chain(&folders) {
        println!("cargo::rerun-if-changed={}", folder.display());
        find(folder, &mut models);
    }
    models.sort();

    let (mut modules, mut table, mut refused) = (String::new(), String::new(), String::new());
    for (number, path) in models.iter().enumerate() {
        let path = path.canonicalize().expect("it was found");
        let file = fs::read(&path).expect("it can be read");
        let name = path.display().to_string();
        match sedge_compile::compile(&file, &name, None) {
            Ok(compiled) => {
                // Once more in two regions, of which the fast one has a third of what the model needs.
                let third = compiled.arena / 3;
                let regions = sedge_compile::compile(&file, &name, Some(third)).expect("it was compiled");
                for (form, source, memory) in [
                    ("one", compiled.source, &["ARENA_SIZE"] as &[&str]),
                    ("two", regions.source, &["FAST_SIZE", "ARENA_SIZE"]),
                ] {
                    let runner = runner(&file, memory);
                    let _ = write!(modules, "mod model_{number}_{form} {{\n{source}\n{runner}}}\n");
                    let _ = writeln!(table, "    ({path:?}, model_{number}_{form}::run as Run),");
                }
            }
            Err(error) => {
                let _ = writeln!(refused, "    ({path:?}, {:?}),", error.to_string());
            }
        }
    }
    let text = format!(
        "{modules}\nconst MODELS: &[(&str, Run)] = &[\n{table}];\n\nconst REFUSED: &[(&str, &str)] = &[\n{refused}];\n"
    );
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("compiled_models.rs"), text).expect("OUT_DIR can be written");
}

/// Every small model in a folder and those in it; none where it is not there.
fn find(folder: &Path, models: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find(&path, models);
        } else if path.extension().is_some_and(|e| e == "tflite")
            && entry.metadata().is_ok_and(|m| m.len() < MOST_BYTES)
        {
            models.push(path);
        }
    }
}

/// A function that runs a compiled model, in regions of these sizes, on the bytes of its inputs, step after step, and gives
/// those of its outputs; every other step operator by operator.
fn runner(file: &[u8], regions: &[&str]) -> String {
    let model = sedge_runtime::Model::check(file).expect("it was compiled");
    let (inputs, outputs) = (model.main().inputs().len(), model.main().outputs().len());
    let name =
        |what: &str, i: usize, count: usize| if count == 1 { what.to_owned() } else { format!("{what}_{i}") };
    let mut text = String::from(
        "pub(super) fn run(steps: &[Vec<Vec<u8>>]) -> Result<Vec<Vec<Vec<u8>>>, ::sedge_runtime::Error> {\n",
    );
    let mut arguments = String::new();
    for (i, size) in regions.iter().enumerate() {
        let _ =
            writeln!(text, "let mut region_{i} = Box::new(::sedge_runtime::arena::Aligned([0xa5; {size}]));");
        let _ = write!(arguments, "&mut region_{i}, ");
    }
    let _ = writeln!(text, "let mut model = Model::new({arguments});");
    text += "let mut outputs = Vec::new();\nfor (number, step) in steps.iter().enumerate() {\n";
    for i in 0..inputs {
        let input = name("input", i, inputs);
        let _ =
            writeln!(text, "bytemuck::cast_slice_mut::<_, u8>(model.{input}()).copy_from_slice(&step[{i}]);");
    }
    text += "if number % 2 == 0 { model.invoke()?; } else {
        while model.invoke_step()? == ::sedge_runtime::Progress::More {} }
        outputs.push(vec![";
    for i in 0..outputs {
        let _ =
            write!(text, "bytemuck::cast_slice::<_, u8>(model.{}()).to_vec(), ", name("output", i, outputs));
    }
    text += "]);\n}\nOk(outputs)\n}\n";
    text
}
