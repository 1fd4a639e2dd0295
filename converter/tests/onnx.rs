//! ONNX models end to end: imported, written as float `.tflite`, run, and compared with what onnxruntime gave.

use std::path::{Path, PathBuf};

use sedge_converter::Failure;
use sedge_converter::convert::float_graph;
use sedge_converter::data::{Array, Npz};
use sedge_converter::exec::{ExecOptions, ModelFile, with_session};
use sedge_converter::export::to_tflite;
use sedge_converter::graph::Graph;
use sedge_converter::import::{Options, Source};

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

/// The models beside the repository; `None`, and a line that says so, where they are not at hand.
fn shared() -> Option<PathBuf> {
    let root = std::env::var_os("SEDGE_SHARED")
        .map_or(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let folder = root.join("models/onnx");
    if !folder.is_dir() {
        eprintln!("skipped: no {}", folder.display());
        return None;
    }
    Some(folder)
}

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

/// Runs a converted model on the inputs `t0.in0, t0.in1, ...` of each step; what differs from `t0.out0, ...`.
fn differences(graph: &Graph, expected: &Path, noise_allowed: Option<f32>) -> Vec<String> {
    let file = ModelFile::from_bytes("converted", &to_tflite(graph).unwrap()).unwrap();
    let mut expected = Npz::open(expected).unwrap();
    let mut get = |name: String| expected.array(&name).ok();
    let mut wrong = Vec::new();
    for t in 0.. {
        let Some(first) = get(format!("t{t}.in0")) else { break };
        let inputs: Vec<Array> =
            std::iter::once(first).chain((1..).map_while(|i| get(format!("t{t}.in{i}")))).collect::<Vec<_>>();
        let outputs = with_session(file.model().unwrap(), &ExecOptions::default(), |session| {
            for (i, input) in inputs.iter().enumerate() {
                session.input_bytes_mut(i)?.copy_from_slice(input.bytes());
            }
            session.invoke()?;
            (0..session.outputs())
                .map(|o| Ok((session.output_shape(o)?, session.output::<f32>(o)?.to_vec())))
                .collect::<Result<Vec<_>, _>>()
        });
        for (o, (shape, found)) in outputs.unwrap().into_iter().enumerate() {
            let want = get(format!("t{t}.out{o}")).unwrap();
            let dims: Vec<usize> = shape.dims().iter().map(|&d| d as usize).collect();
            let wanted = want.to_f32().unwrap();
            let range = wanted.iter().fold(0f32, |m, x| m.max(x.abs()));
            if let Some(share) = noise_allowed {
                let power = |x: &mut dyn Iterator<Item = f32>| x.map(|x| x * x).sum::<f32>();
                let signal = power(&mut wanted.iter().copied());
                let noise = power(&mut found.iter().zip(&wanted).map(|(a, b)| a - b));
                if dims != want.shape() || noise.is_nan() || noise > share * signal {
                    wrong.push(format!("step {t}, output {o}: noise {noise} in {signal}"));
                }
                continue;
            }
            let worst = found
                .iter()
                .zip(&wanted)
                .fold(0f32, |m, (a, b)| if (a - b).is_nan() { f32::INFINITY } else { m.max((a - b).abs()) });
            if dims != want.shape() || worst > TOLERANCE * range.max(LEAST) {
                wrong.push(format!(
                    "step {t}, output {o}: {dims:?} for {:?}, off by {worst} of {range}",
                    want.shape()
                ));
            }
        }
    }
    wrong
}

#[test]
fn models_give_what_onnxruntime_gives() {
    let Some(folder) = shared() else { return };
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
                let mut compare = |graph: &Graph, noise: Option<f32>| {
                    let found = differences(graph, &path.with_extension("npz"), noise);
                    wrong.extend(found.into_iter().map(|w| format!("{name}: {w}")));
                };
                if QUANTIZED.iter().any(|q| name.starts_with(q)) {
                    let is_border = |op: &str| matches!(op, "QUANTIZE" | "DEQUANTIZE");
                    let borders = graph.nodes().filter(|(_, n)| is_border(n.op.name())).count();
                    let layers = graph.nodes().filter(|(_, n)| n.input(1).is_some()).count();
                    assert!(borders < layers, "{name}: {borders} borders around {layers} layers");
                    compare(&imported, Some(IMPORTED_NOISE));
                    compare(&graph, Some(INTEGER_NOISE));
                } else {
                    compare(&graph, None);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
