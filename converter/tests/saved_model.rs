//! TensorFlow's SavedModels end to end: imported, written as float `.tflite`, run, and compared with what TensorFlow gave.

mod official;
mod oracle;
mod shared;

use std::path::{Path, PathBuf};

use sedge_converter::Failure;
use sedge_converter::convert::float_graph;
use sedge_converter::graph::Graph;
use sedge_converter::import::{Options, Source};

use oracle::{Allowed, differences};
use shared::shared;

/// Outputs may differ by this share of the largest value expected: sums in another order, as float32 rounds them.
const ALLOWED: Allowed = Allowed::Share { of_largest: 1e-4, least: 0.0 };

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/saved_model")
}

fn read(name: &str, bytes: &[u8], folder: Option<&Path>, options: &Options) -> Result<Graph, Failure> {
    float_graph(&Source { name, bytes, folder }, options, &mut |_, _| {})
}

/// The model in a folder, or in a file.
fn graph(path: &Path, options: &Options) -> Result<Graph, Failure> {
    let file = if path.is_dir() { path.join("saved_model.pb") } else { path.to_owned() };
    read(file.to_str().unwrap(), &std::fs::read(&file).unwrap(), file.parent(), options)
}

#[test]
fn models_give_what_tensorflow_gives() {
    let mut wrong = Vec::new();
    for name in ["attention", "frozen.pb", "functions", "patterns", "sequence", "vision"] {
        let path = root().join(name);
        match graph(&path, &Options::default()) {
            Ok(graph) => {
                let found = differences(&graph, &path.with_extension("npz"), ALLOWED);
                wrong.extend(found.into_iter().map(|w| format!("{name}: {w}")));
            }
            Err(failure) => wrong.push(format!("{name}: {}", failure.line())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How often each operator of these names stands in a model.
fn count<const N: usize>(name: &str, operators: [&str; N]) -> [usize; N] {
    let graph = graph(&root().join(name), &Options::default()).unwrap();
    operators.map(|wanted| graph.nodes().filter(|(_, node)| node.op.name() == wanted).count())
}

#[test]
fn functions_and_dilations_that_are_written_out_become_one_operator() {
    assert_eq!(count("patterns", ["GELU", "HARD_SWISH", "TANH"]), [4, 2, 0]);
    let convolutions = ["CONV_2D", "DEPTHWISE_CONV_2D", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"];
    assert_eq!(count("patterns", convolutions), [3, 1, 0, 0]);
    assert_eq!(count("attention", ["GELU", "EXP"]), [1, 0]);
}

/// The keyword spotting model that MLPerf Tiny was trained as is the one that it was converted to.
#[test]
fn the_keyword_model_is_read() {
    let Some(folder) = shared("models/savedmodel/kws_ref_model") else { return };
    let graph = graph(&folder, &Options::default()).unwrap();
    let ops: Vec<&str> = graph.nodes().map(|(_, n)| n.op.name()).collect();
    let count = |name: &str| ops.iter().filter(|op| **op == name).count();
    // Each batch normalization is part of the convolution before it.
    assert_eq!(
        [count("CONV_2D"), count("DEPTHWISE_CONV_2D"), count("MUL"), count("ADD")],
        [5, 4, 0, 0],
        "{ops:?}"
    );
    assert!(ops.len() <= 14, "{ops:?}");
}

/// Graphs that were cut off or damaged are read or refused, and what was read is a graph that holds together.
#[test]
fn damaged_graphs_are_read_or_refused() {
    for name in ["functions", "vision", "frozen.pb"] {
        let path = root().join(name);
        let (file, folder) = match path.is_dir() {
            true => (path.join("saved_model.pb"), Some(path.as_path())),
            false => (path.clone(), None),
        };
        let bytes = std::fs::read(&file).unwrap();
        for k in 0..400 {
            let _ = read("cut.pb", &bytes[..bytes.len() * (k % 100) / 100], folder, &Options::default());
            let mut flipped = bytes.clone();
            // Steps of a prime number reach names, sizes and data alike.
            for at in (k * 7919 % 3011..bytes.len()).step_by(1009 + k * 7) {
                flipped[at] ^= 1 << (k % 8);
            }
            if let Ok(graph) = read("flipped.pb", &flipped, folder, &Options::default()) {
                graph.verify().unwrap();
            }
        }
    }
}

/// A variable that is not what the index says is refused, wherever the damage is.
#[test]
fn damaged_variables_are_refused() {
    let model = root().join("vision");
    let copy = tempfile::tempdir().unwrap();
    let variables = copy.path().join("variables");
    std::fs::create_dir(&variables).unwrap();
    let bytes = std::fs::read(model.join("saved_model.pb")).unwrap();
    let files = ["variables.index", "variables.data-00000-of-00001"];
    let [index, data] = files.map(|file| std::fs::read(model.join("variables").join(file)).unwrap());
    let result = |index: &[u8], data: &[u8]| {
        std::fs::write(variables.join(files[0]), index).unwrap();
        std::fs::write(variables.join(files[1]), data).unwrap();
        read("saved_model.pb", &bytes, Some(copy.path()), &Options::default())
    };
    assert!(result(&index, &data).is_ok());
    for at in (0..index.len()).step_by(5) {
        let mut flipped = index.clone();
        flipped[at] ^= 1 << (at % 8);
        // Padding of the footer, and the metadata block that nobody reads, may be anything.
        let _ = result(&flipped, &data);
        assert!(result(&index[..at], &data).is_err(), "cut at {at}");
    }
    let mut flipped = data.clone();
    flipped.iter_mut().for_each(|byte| *byte ^= 16);
    let message = result(&index, &flipped).unwrap_err().line();
    assert!(message.contains("checksum"), "{message}");
    let message = result(&index, &data[..data.len() / 2]).unwrap_err().line();
    assert!(message.contains("more than"), "{message}");
    std::fs::remove_file(variables.join(files[1])).unwrap();
    let message = read("saved_model.pb", &bytes, Some(copy.path()), &Options::default()).unwrap_err().line();
    assert!(message.contains("variables.data-00000-of-00001"), "{message}");
}

#[test]
fn signatures_are_chosen_by_name() {
    let path = root().join("vision");
    let with = |key: &str| graph(&path, &Options { signature: Some(key.to_owned()), ..Options::default() });
    assert!(with("serve").is_ok());
    let message = with("train").unwrap_err().line();
    assert!(
        message.contains("no signature 'train'") && message.contains("serve, serving_default"),
        "{message}"
    );
    let other = Options { signature: Some("serve".to_owned()), ..Options::default() };
    assert!(read("a.onnx", &[], None, &other).unwrap_err().is_usage());
}

#[test]
fn shapes_are_chosen_by_name() {
    let options = Options { input_shapes: vec![("x".to_owned(), vec![3, 6, 4])], ..Options::default() };
    let found = graph(&root().join("functions"), &options).unwrap();
    let rows: Vec<&[u32]> = found.outputs.iter().map(|&t| found.tensor(t).shape.dims()).collect();
    assert_eq!(rows[1], [3, 6, 3]);
    let options = Options { input_shapes: vec![("y".to_owned(), vec![1])], ..Options::default() };
    let message = graph(&root().join("functions"), &options).unwrap_err().line();
    assert!(message.contains("its inputs are places, x"), "{message}");
}
