//! The node tests of the package onnx, each a model of one operator or of the few that define it: imported, written as
//! float `.tflite`, run, and compared with the outputs that the package expects.

mod official;

use std::path::Path;

use sedge_converter::convert::float_graph;
use sedge_converter::data::{Array, Npz, parse_npy};
use sedge_converter::exec::{ExecOptions, ModelFile, with_session};
use sedge_converter::export::to_tflite;
use sedge_converter::import::{Options, Source};
use sedge_runtime::TensorType;

use official::verified;

/// The suite's own tolerance for real numbers, of the value where that is above 1.
const TOLERANCE: f64 = 1e-4;

/// Cases whose expected outputs are not followed, and why.
const DISPUTED: [(&str, &str); 4] = [
    (
        "qlinearmatmul_2D_int8_float32",
        "the expected sums wrap around where the operator's text says that they saturate",
    ),
    ("qlinearmatmul_3D_int8_float32", "the same"),
    (
        "resize_downsample_scales_cubic_align_corners",
        "the size is not rounded before corners are aligned; onnxruntime rounds",
    ),
    ("resize_downsample_scales_linear_align_corners", "the same"),
];

struct Case {
    name: String,
    model: Vec<u8>,
    inputs: Vec<Array>,
    outputs: Vec<Array>,
}

fn cases() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/onnx/cases.npz");
    let mut file = Npz::open(&path).unwrap();
    let index = String::from_utf8(file.array("index").unwrap().bytes().to_vec()).unwrap();
    let bytes = file.array("bytes").unwrap();
    let mut rest = bytes.bytes();
    let mut take = |length: &str| rest.split_off(..length.parse().unwrap()).unwrap();
    let lines = index.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    lines
        .map(|line| {
            let model = take(line[1]).to_vec();
            let mut arrays = |lengths: &str| {
                let lengths = lengths.split(',').filter(|l| !l.is_empty());
                lengths.map(|l| parse_npy(take(l)).unwrap()).collect::<Vec<_>>()
            };
            Case { name: line[0].to_owned(), model, inputs: arrays(line[2]), outputs: arrays(line[3]) }
        })
        .collect()
}

fn numbers(kind: TensorType, bytes: &[u8]) -> Vec<f64> {
    macro_rules! read {
        ($type:ty) => {
            bytes.as_chunks().0.iter().map(|&b| <$type>::from_le_bytes(b) as f64).collect()
        };
    }
    match kind {
        TensorType::Float32 => read!(f32),
        TensorType::Int64 => read!(i64),
        TensorType::Int32 => read!(i32),
        TensorType::UInt32 => read!(u32),
        TensorType::Int16 => read!(i16),
        TensorType::UInt16 => read!(u16),
        TensorType::Int8 => read!(i8),
        TensorType::UInt8 | TensorType::Bool => read!(u8),
        kind => panic!("{kind:?}"),
    }
}

enum Outcome {
    Equal,
    Refused(String),
    Differs(String),
}

fn outcome(case: &Case) -> Outcome {
    let source = Source { name: &case.name, bytes: &case.model, folder: None };
    let graph = match float_graph(&source, &Options::default(), &mut |_, _| {}) {
        Ok(graph) => graph,
        Err(failure) => return Outcome::Refused(failure.line()),
    };
    let file = ModelFile::from_bytes(&case.name, &verified(to_tflite(&graph).unwrap())).unwrap();
    let found = with_session(file.model().unwrap(), &ExecOptions::default(), |session| {
        for (i, input) in case.inputs.iter().enumerate() {
            let place = session.input_bytes_mut(i)?;
            assert_eq!(place.len(), input.bytes().len(), "{}: input {i}", case.name);
            place.copy_from_slice(input.bytes());
        }
        session.invoke()?;
        let output = |o| {
            let kind = session.output_type(o)?;
            Ok((session.output_shape(o)?, kind, numbers(kind, session.output_bytes(o)?)))
        };
        (0..session.outputs()).map(output).collect::<Result<Vec<_>, _>>()
    });
    let found = match found {
        Ok(found) => found,
        Err(failure) => return Outcome::Differs(failure.line()),
    };
    for (o, ((shape, kind, found), want)) in found.into_iter().zip(&case.outputs).enumerate() {
        let dims: Vec<usize> = shape.dims().iter().map(|&d| d as usize).collect();
        let wanted = numbers(want.tensor_type(), want.bytes());
        // Unsigned quantized values are signed ones here.
        let offset =
            if (kind, want.tensor_type()) == (TensorType::Int8, TensorType::UInt8) { 128.0 } else { 0.0 };
        let far = |(a, b): (&f64, &f64)| {
            let a = a + offset;
            let allowed = if kind == TensorType::Float32 { TOLERANCE * b.abs().max(1.0) } else { 0.0 };
            !(a == *b || a.is_nan() && b.is_nan() || (a - b).abs() <= allowed)
        };
        let wrong = found.iter().zip(&wanted).filter(|&(a, b)| far((a, b))).count();
        if dims != want.shape() || wrong != 0 {
            let (first, of) = (found.get(..6.min(found.len())), wanted.get(..6.min(wanted.len())));
            return Outcome::Differs(format!(
                "output {o}: {dims:?} for {:?}, {wrong} of {} differ: {first:?} for {of:?}",
                want.shape(),
                wanted.len()
            ));
        }
    }
    Outcome::Equal
}

#[test]
fn nodes_give_what_the_package_expects() {
    let mut wrong = Vec::new();
    let (mut equal, mut refused, mut all) = (0, 0, 0);
    for case in cases() {
        all += 1;
        match outcome(&case) {
            Outcome::Equal => equal += 1,
            Outcome::Refused(why) => {
                refused += 1;
                println!("refused {}: {why}", case.name);
            }
            Outcome::Differs(_) if DISPUTED.iter().any(|(name, _)| *name == case.name) => {}
            Outcome::Differs(how) => wrong.push(format!("{}: {how}", case.name)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let line = format!(
        "Of {all} node tests {equal} give the expected outputs, {refused} are refused by name, and {} are disputed",
        DISPUTED.len()
    );
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/onnx.md");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains(&line), "docs/onnx.md does not say: {line}");
}

/// Damaged files: each is read or refused, and what was read is a graph that holds together.
#[test]
fn damaged_models_are_read_or_refused() {
    // Steele and Vigna's SplitMix64, so that each run damages the same bytes.
    let mut state = 77u64;
    let mut random = |below: usize| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % below as u64) as usize
    };
    let (mut read, mut refused) = (0, 0);
    for case in cases() {
        for round in 0..40 {
            let mut bytes = case.model.clone();
            match round {
                0 | 1 => bytes.truncate(random(bytes.len())),
                _ => {
                    for _ in 0..1 + round % 3 {
                        let at = random(bytes.len());
                        bytes[at] ^= 1 << random(8);
                    }
                }
            }
            let source = Source { name: &case.name, bytes: &bytes, folder: None };
            match float_graph(&source, &Options::default(), &mut |_, _| {}) {
                Ok(graph) => {
                    graph.verify().unwrap();
                    read += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    println!("{read} read, {refused} refused");
    assert!(read > 100 && refused > 100);
}
