//! Keras models end to end: imported, written as float `.tflite`, run, and compared with what Keras gave.

mod official;
mod oracle;

use std::path::{Path, PathBuf};

use sedge_converter::Failure;
use sedge_converter::convert::float_graph;
use sedge_converter::graph::Graph;
use sedge_converter::import::{Options, Source};

use oracle::{Allowed, differences};

/// Outputs may differ by this share of the largest value expected: sums in another order, as float32 rounds them.
const ALLOWED: Allowed = Allowed::Share { of_largest: 1e-4, least: 0.0 };

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/keras")
}

fn graph(name: &str, bytes: &[u8]) -> Result<Graph, Failure> {
    float_graph(&Source { name, bytes, folder: None }, &Options::default(), &mut |_, _| {})
}

#[test]
fn models_give_what_keras_gives() {
    let mut wrong = Vec::new();
    for name in
        ["attention", "branches", "functions", "lines", "nested", "recurrent", "sequential", "traps", "words"]
    {
        for form in ["keras", "h5"] {
            let file = format!("{name}.{form}");
            match graph(&file, &std::fs::read(folder().join(&file)).unwrap()) {
                Ok(graph) => {
                    let expected = folder().join(format!("{name}.npz"));
                    wrong.extend(
                        differences(&graph, &expected, ALLOWED).into_iter().map(|w| format!("{file}: {w}")),
                    );
                }
                Err(failure) => wrong.push(format!("{file}: {}", failure.line())),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Files that were cut off or damaged are read or refused, and what was read is a graph that holds together.
#[test]
fn damaged_files_are_read_or_refused() {
    for file in ["sequential.keras", "words.h5"] {
        let bytes = std::fs::read(folder().join(file)).unwrap();
        for k in 0..600 {
            let cut = &bytes[..bytes.len() * (k % 60) / 60];
            assert!(graph(file, cut).is_err() || k % 60 > 50, "{file} cut at {k}/60");
            let mut flipped = bytes.clone();
            // Steps of a prime number reach headers, names and data alike.
            for at in (k * 7919 % 3011..bytes.len()).step_by(1009 + k * 7) {
                flipped[at] ^= 1 << (k % 8);
            }
            if let Ok(graph) = graph(file, &flipped) {
                graph.verify().unwrap();
            }
        }
    }
}

#[test]
fn masks_are_refused() {
    let bytes = std::fs::read(folder().join("masked.keras")).unwrap();
    let message = graph("masked.keras", &bytes).unwrap_err().line();
    assert!(message.contains("LSTM 'lstm") && message.contains("masks are not supported"), "{message}");
}

#[test]
fn what_grows_without_end_is_refused() {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("config.json", zip::write::FileOptions::default()).unwrap();
    std::io::Write::write_all(&mut archive, &vec![b' '; 64 << 20]).unwrap();
    let bytes = archive.finish().unwrap().into_inner();
    let message = graph("bomb.keras", &bytes).unwrap_err().line();
    assert!(bytes.len() < 1 << 20 && message.contains("becomes larger than"), "{message}");
}
