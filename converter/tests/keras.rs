//! Keras models end to end: imported, written as float `.tflite`, run, and compared with what Keras gave.

use std::path::{Path, PathBuf};

use sedge_converter::Failure;
use sedge_converter::convert::float_graph;
use sedge_converter::data::{Array, Npz};
use sedge_converter::exec::{ExecOptions, ModelFile, with_session};
use sedge_converter::export::to_tflite;
use sedge_converter::graph::Graph;
use sedge_converter::import::{Options, Source};

/// Outputs may differ by this share of the largest value expected: sums in another order, as float32 rounds them.
const TOLERANCE: f32 = 1e-4;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/keras")
}

fn graph(name: &str, bytes: &[u8]) -> Result<Graph, Failure> {
    float_graph(&Source { name, bytes, folder: None }, &Options::default(), &mut |_, _| {})
}

/// What differs from `t0.out0, t0.out1, ...` on `t0.in0, ...`, for each step.
fn differences(graph: &Graph, expected: &Path) -> Vec<String> {
    let file = ModelFile::from_bytes("converted", &to_tflite(graph).unwrap()).unwrap();
    let mut expected = Npz::open(expected).unwrap();
    let mut all = |what: &str, t: usize| -> Vec<Array> {
        (0..).map_while(|i| expected.array(&format!("t{t}.{what}{i}")).ok()).collect()
    };
    let mut wrong = Vec::new();
    for t in 0.. {
        let (inputs, outputs) = (all("in", t), all("out", t));
        if inputs.is_empty() {
            break;
        }
        let found = with_session(file.model().unwrap(), &ExecOptions::default(), |session| {
            for (i, input) in inputs.iter().enumerate() {
                session.input_bytes_mut(i)?.copy_from_slice(input.bytes());
            }
            session.invoke()?;
            (0..session.outputs())
                .map(|o| Ok((session.output_shape(o)?, session.output::<f32>(o)?.to_vec())))
                .collect::<Result<Vec<_>, _>>()
        });
        let found = found.unwrap();
        assert_eq!(found.len(), outputs.len());
        for (o, ((shape, found), want)) in found.into_iter().zip(&outputs).enumerate() {
            let dims: Vec<usize> = shape.dims().iter().map(|&d| d as usize).collect();
            let wanted = want.to_f32().unwrap();
            let range = wanted.iter().fold(0f32, |m, x| m.max(x.abs()));
            let off = found.iter().zip(&wanted).map(|(a, b)| (a - b).abs());
            let worst = off.fold(0f32, |m, d| if d.is_nan() { f32::INFINITY } else { m.max(d) });
            if dims != want.shape() || worst > TOLERANCE * range {
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
fn models_give_what_keras_gives() {
    let mut wrong = Vec::new();
    for name in ["sequential", "branches", "lines", "words"] {
        for form in ["keras", "h5"] {
            let file = format!("{name}.{form}");
            match graph(&file, &std::fs::read(folder().join(&file)).unwrap()) {
                Ok(graph) => {
                    let expected = folder().join(format!("{name}.npz"));
                    wrong.extend(differences(&graph, &expected).into_iter().map(|w| format!("{file}: {w}")));
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
fn what_grows_without_end_is_refused() {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file("config.json", zip::write::FileOptions::default()).unwrap();
    std::io::Write::write_all(&mut archive, &vec![b' '; 64 << 20]).unwrap();
    let bytes = archive.finish().unwrap().into_inner();
    let message = graph("bomb.keras", &bytes).unwrap_err().line();
    assert!(bytes.len() < 1 << 20 && message.contains("becomes larger than"), "{message}");
}
