//! Sedge's reader beside the official FlatBuffers code: on real models, on this repository's own
//! and on random ones, every field that Sedge offers must agree.

use proptest::prelude::*;
use sedge_schema::Model;
use sedge_schema::write::to_bytes;
use sedge_tests::agree::{agree, official_root};
use sedge_tests::choices::Choices;
use sedge_tests::{data, random, samples, walk};

/// Checks `file`, which must pass, and compares all that it holds.
fn compare(file: &[u8]) {
    let model = Model::check(file).unwrap_or_else(|error| panic!("{error}"));
    agree(&model, &official_root(file).expect("the official code refuses the file"));
    walk::walk(&model);
}

/// Compares each of these files and tells how many there were.
fn compare_all(paths: &[std::path::PathBuf]) -> usize {
    for path in paths {
        println!("{}", path.display());
        compare(&std::fs::read(path).unwrap());
    }
    paths.len()
}

#[test]
fn real_models_agree() {
    let Some(folder) = data::shared("models") else { return };
    assert!(compare_all(&data::models(folder)) > 0, "the folder of models has none");
}

#[test]
fn own_models_agree() {
    if compare_all(&data::models(data::repository().join("tests/data"))) == 0 {
        data::skipped("no models in tests/data");
    }
}

#[test]
fn samples_agree() {
    for (name, file) in samples::files() {
        println!("{name}");
        compare(&file);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_models_agree(bytes in prop::collection::vec(any::<u8>(), 0..1500)) {
        compare(&random::file(&mut Choices::new(&bytes)));
    }

    /// The reader does not depend on where the file lies in memory.
    #[test]
    fn any_address_will_do(bytes in prop::collection::vec(any::<u8>(), 0..500), shift in 1usize..16) {
        let file = random::file(&mut Choices::new(&bytes));
        let shifted = [vec![0; shift], file.clone()].concat();
        let model = Model::check(&shifted[shift..]).unwrap();
        agree(&model, &official_root(&file).unwrap());
    }
}

/// What the sample holds, written out by hand, so that not everything rests on another reader.
#[test]
fn convolution_reads_as_written() {
    use sedge_schema::op::{Conv2d, Op, Padding};
    let file = to_bytes(&samples::convolution());
    let model = Model::check(&file).unwrap();
    assert_eq!(model.description(), "a convolution");
    assert_eq!(model.metadata_named("version"), Some(&b"1.2.3"[..]));
    assert_eq!(model.metadata_named("other"), None);
    let graph = model.main();
    assert_eq!((graph.tensors().len(), graph.operators().len()), (6, 2));

    let weights = graph.tensors().get(1).unwrap();
    assert_eq!(weights.shape().dims(), [3, 3, 3, 2]);
    assert_eq!(weights.bytes(), 54);
    assert_eq!(model.constant(&weights), (0..54).collect::<Vec<u8>>());
    let scales = weights.quantization().unwrap();
    assert!(scales.is_per_channel());
    assert_eq!([0, 1, 2].map(|channel| scales.scale_at(channel)), [0.5, 0.25, 1.0]);
    let image = graph.tensors().get(0).unwrap();
    assert!(model.constant(&image).is_empty());
    assert_eq!(image.quantization().map(|q| (q.scale_at(1), q.zero_point_at(1))), Some((0.5, -3)));
    assert_eq!(image.shape_signature().iter().collect::<Vec<_>>(), [-1, 4, 4, 2]);

    let convolve = graph.operators().get(0).unwrap();
    assert_eq!(model.code(&convolve).name(), "CONV_2D");
    let expected = Conv2d { padding: Padding::Same, stride_w: 1, stride_h: 1, ..Conv2d::default() };
    let op = Op::read(model.code(&convolve).builtin(), convolve.options());
    assert_eq!(op, Some(Op::Conv2d(expected)));
}

#[test]
fn custom_options_may_lie_outside_the_tables() {
    for file in [to_bytes(&samples::unusual()), samples::outside_options()] {
        let model = Model::check(&file).unwrap();
        let custom = model.subgraphs().get(1).unwrap().operators().get(0).unwrap();
        assert_eq!(model.code(&custom).name(), "mine");
        assert_eq!(custom.custom_options(&model), [9, 8, 7]);
    }
}
