//! ONNX models end to end: imported, written as float `.tflite`, run, and compared with what onnxruntime gave.

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

/// Outputs may differ by this share of the largest value expected: sums of thousands of products in another
/// order, as float32 rounds them.
const TOLERANCE: f32 = 1e-4;

/// The least largest value that counts: probabilities of a millionth come from sums of about 10, whose rounding
/// they show.
const LEAST: f32 = 0.01;

/// Models whose activations are integers already. As they are imported, QUANTIZE and DEQUANTIZE lie around operators on
/// real numbers, as in the source: sums in another order let single values fall on the other side of a rounding, and
/// what follows moves with them. The integer operators made of them round twice in fixed point where onnxruntime
/// rounds once in floating point. So much may the power of what differs be of the outputs' own, in each form.
const QUANTIZED: [&str; 3] = ["ad_qdq", "kws_qdq", "shufflenet_v2_int8"];
const IMPORTED_NOISE: f32 = 0.003;
const INTEGER_NOISE: f32 = 0.015;

/// The graph as it was read, and as the passes leave it.
fn graphs(path: &Path, options: &Options) -> Result<(Graph, Graph), Failure> {
    let bytes = std::fs::read(path).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let source = Source { name, bytes: &bytes, folder: path.parent() };
    let mut imported = None;
    let result = float_graph(&source, options, &mut |_, graph| {
        imported.get_or_insert_with(|| graph.clone());
    })?;
    Ok((imported.unwrap(), result))
}

#[test]
fn models_give_what_onnxruntime_gives() {
    let Some(folder) = shared("models/onnx") else { return };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "onnx"));
    paths.sort();
    let mut wrong = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        match graphs(&path, &Options::default()) {
            Err(failure) => wrong.push(format!("{name}: {}", failure.line())),
            Ok((imported, graph)) => {
                let transposes = graph.nodes().filter(|(_, n)| n.op.name() == "TRANSPOSE").count();
                println!("{name}: {} operators, {transposes} transposes", graph.nodes().len());
                let mut compare = |graph: &Graph, allowed| {
                    let found = differences(graph, &path.with_extension("npz"), allowed);
                    wrong.extend(found.into_iter().map(|w| format!("{name}: {w}")));
                };
                if QUANTIZED.iter().any(|q| name.starts_with(q)) {
                    let is_border = |op: &str| matches!(op, "QUANTIZE" | "DEQUANTIZE");
                    let borders = graph.nodes().filter(|(_, n)| is_border(n.op.name())).count();
                    let layers = graph.nodes().filter(|(_, n)| n.input(1).is_some()).count();
                    assert!(borders < layers, "{name}: {borders} borders around {layers} layers");
                    compare(&imported, Allowed::Noise(IMPORTED_NOISE));
                    compare(&graph, Allowed::Noise(INTEGER_NOISE));
                } else {
                    compare(&graph, Allowed::Share { of_largest: TOLERANCE, least: LEAST });
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
