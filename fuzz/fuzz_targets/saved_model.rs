//! Any bytes as the folder of a SavedModel: refused, or a graph that holds together.

#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sedge_converter::import::{Options, Source, import};

/// The folder that each run fills anew.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("sedge-saved-model-{}", std::process::id()));
    fs::create_dir_all(folder.join("variables")).expect("a folder for temporary files");
    folder
});

fuzz_target!(|file: &[u8]| {
    // The lengths of index and data, these, and the graph.
    let Some((&[a, b, c, d], rest)) = file.split_first_chunk() else { return };
    let Some((index, rest)) = rest.split_at_checked(u16::from_le_bytes([a, b]).into()) else { return };
    let Some((values, graph)) = rest.split_at_checked(u16::from_le_bytes([c, d]).into()) else { return };
    let variables = FOLDER.join("variables");
    fs::write(variables.join("variables.index"), index).expect("a temporary file");
    fs::write(variables.join("variables.data-00000-of-00001"), values).expect("a temporary file");
    let source = Source { name: "saved_model.pb", bytes: graph, folder: Some(FOLDER.as_path()) };
    if let Ok(graph) = import(&source, &Options::default()) {
        graph.verify().expect("what is imported holds together");
    }
});
