//! Models that were compiled into the program give the bits of a session that reads their file.

use std::path::Path;

use sedge_runtime::{Level, Weights};
use sedge_tests::arrays::{npz, steps};
use sedge_tests::data;
use sedge_tests::run::{arena, run};

/// Runs a model on the bytes of its inputs, step after step.
type Run = fn(&[Vec<Vec<u8>>]) -> Result<Vec<Vec<Vec<u8>>>, sedge_runtime::Error>;

#[allow(missing_docs, missing_debug_implementations)]
mod models {
    use super::Run;

    include!(concat!(env!("OUT_DIR"), "/compiled_models.rs"));

    pub(super) const ALL: &[(&str, Run)] = MODELS;
    pub(super) const NONE: &[(&str, &str)] = REFUSED;
}

#[test]
fn compiled_models_give_the_bits_of_sessions() {
    let _ = data::shared("models");
    for (path, compiled) in models::ALL {
        let path = Path::new(path);
        let file = std::fs::read(path).expect("a model");
        let expected = [path.with_extension("expected.npz"), path.with_extension("npz")];
        let arrays = expected.iter().find_map(|path| std::fs::read(path).ok()).expect("inputs");
        let inputs = steps(&npz(&arrays), "in");
        let way = (Level::SCALAR, Weights::InPlace);
        let session = run(&file, way, &mut arena(16 << 20), &inputs).expect("a session's outputs");
        let session: Vec<Vec<Vec<u8>>> =
            session.into_iter().map(|step| step.into_iter().map(|output| output.bytes).collect()).collect();
        let bytes: Vec<Vec<Vec<u8>>> =
            inputs.into_iter().map(|step| step.into_iter().map(|array| array.bytes).collect()).collect();
        assert_eq!(compiled(&bytes), Ok(session), "{}", path.display());
    }
    eprintln!("{} models compared", models::ALL.len());
}

#[test]
fn what_cannot_be_compiled_says_why() {
    for (path, why) in models::NONE {
        let because = ["calls subgraphs", "depend on values", "has elements of type"];
        assert!(because.iter().any(|part| why.contains(part)), "{path}: {why}");
        data::skipped(&format!("{path} is not compiled: {why}"));
    }
}
