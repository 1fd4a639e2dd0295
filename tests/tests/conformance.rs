//! The suite of single-operator models beside the repository, `shared/conformance`: what LiteRT's and
//! TensorFlow Lite Micro's reference kernels compute, within the tolerances of the suite's index.

use std::collections::BTreeMap;
use std::io::Read as _;

use sedge_runtime::kernels;
use sedge_tests::arrays::{Array, npz};
use sedge_tests::case::{ARENA, Outcome, Tolerance, check};
use sedge_tests::data::shared;

/// The element types that each operator's kernel takes: all its cases must pass.
const SUPPORTED: &[(&str, &[&str])] = &[
    ("ADD", &["float32", "int8", "uint8", "int16", "int32", "int64"]),
    ("AVERAGE_POOL_2D", &["float32", "int8", "uint8", "int16"]),
    (
        "CAST",
        &[
            "float32",
            "float64",
            "float16",
            "int8",
            "uint8",
            "int16",
            "uint16",
            "int32",
            "uint32",
            "int64",
            "bool",
            "complex64",
        ],
    ),
    ("CONCATENATION", &["float32", "int8", "uint8", "int16", "int32", "int64", "bool"]),
    ("DEQUANTIZE", &["float16", "int4", "int8", "uint8", "int16"]),
    ("EXPAND_DIMS", &["float32", "int8", "uint8", "int16", "int32", "int64", "bool"]),
    ("FILL", &["float32", "int8", "uint8", "int16", "int32", "int64", "bool"]),
    ("GATHER", &["float32", "int8", "uint8", "int16", "int32", "int64", "bool", "int8idx"]),
    ("HARD_SWISH", &["float32", "int8", "uint8"]),
    ("LEAKY_RELU", &["float32", "int8", "uint8", "int16"]),
    ("LOGISTIC", &["float32", "int8", "uint8", "int16"]),
    ("MAXIMUM", &["float32", "int8", "uint8", "int16", "int32", "int64"]),
    ("MAX_POOL_2D", &["float32", "int8", "uint8", "int16"]),
    ("MEAN", &["float32", "int8", "uint8", "int16", "int32", "int64"]),
    ("MINIMUM", &["float32", "int8", "uint8", "int16", "int32", "int64"]),
    ("MUL", &["float32", "int8", "uint8", "int16", "int32", "int64"]),
    ("PACK", &["float32", "int8", "uint8", "int16", "int32", "int64"]),
    ("PAD", &["float32", "int8", "uint8", "int16", "int32", "int64", "bool"]),
    ("PADV2", &["float32", "int8", "uint8", "int16", "int32", "int64", "bool"]),
    ("QUANTIZE", &["float32", "int8", "uint8", "int16", "int32"]),
    ("REDUCE_MAX", &["float32", "int8", "uint8", "int16", "int32", "int64"]),
    ("REDUCE_MIN", &["float32", "int8", "uint8", "int16", "int32", "int64"]),
    ("RELU", &["float32", "int8", "uint8", "int16"]),
    ("RELU6", &["float32", "int8", "uint8", "int16"]),
    ("RELU_0_TO_1", &["float32", "int8", "uint8"]),
    ("RELU_N1_TO_1", &["float32", "int8", "uint8"]),
    ("RESHAPE", &["float32", "int8", "uint8", "int16", "int32", "int64", "bool"]),
    ("RESIZE_BILINEAR", &["float32", "int8", "uint8", "int16"]),
    ("RESIZE_NEAREST_NEIGHBOR", &["float32", "int8", "uint8", "int16"]),
    ("SHAPE", &["float32", "int8", "uint8", "int16", "int32", "int64", "bool"]),
    ("SLICE", &["float32", "int8", "uint8", "int16", "int32", "int64", "bool"]),
    ("SOFTMAX", &["float32", "int8", "uint8", "int16", "int8to16"]),
    ("SPLIT", &["float32", "int8", "uint8", "int16", "int32", "int64"]),
    ("SPLIT_V", &["float32", "int8", "uint8", "int16", "int32", "int64"]),
    ("SQUEEZE", &["float32", "int8", "uint8", "int16", "int32", "int64", "bool"]),
    ("STRIDED_SLICE", &["float32", "int8", "uint8", "int16", "int32", "int64", "bool"]),
    ("SUB", &["float32", "int8", "uint8", "int16", "int32", "int64"]),
    ("SUM", &["float32", "int8", "uint8", "int32", "int64"]),
    ("SVDF", &["float32", "int8", "hybrid"]),
    ("TANH", &["float32", "int8", "uint8", "int16"]),
    ("TRANSPOSE", &["float32", "int8", "uint8", "int16", "int32", "int64", "bool"]),
    ("UNPACK", &["float32", "int8", "uint8", "int16", "int32", "bool"]),
];

/// Cases that LiteRT, whose outputs they have, and TensorFlow Lite Micro, which the runtime follows,
/// compute differently: LiteRT adds int16 operands that have power-of-two scales without scaling them
/// to a common scale first, and rescales sums in floats.
const DISPUTED: &[&str] =
    &["ADD/int16-003", "ADD/int16-005", "SUB/int16-001", "SUB/int16-003", "SUM/int8-003"];

/// The variable that names operators to run alone, separated by commas.
const ONLY: &str = "SEDGE_CONFORMANCE_OPS";

#[derive(Default)]
struct Tally {
    right: usize,
    refused: usize,
    total: usize,
}

#[test]
fn single_operators_agree_with_the_reference() {
    let Some(suite) = shared("conformance/suite-seed1.tar.gz") else { return };
    let files = unpack(&std::fs::read(suite).expect("the suite"));
    let index = String::from_utf8(files["index.csv"].clone()).expect("an index");
    let only = std::env::var(ONLY).ok();
    let mut arena = vec![0; ARENA];
    let mut tallies: BTreeMap<(&str, &str), Tally> = BTreeMap::new();
    let mut failures = Vec::new();
    for line in index.lines().skip(1) {
        let mut fields = line.splitn(5, ',');
        let [op, dtype, file, tolerance] = [(); 4].map(|()| fields.next().expect("a field"));
        let known = kernels::ALL.kernels().iter().any(|k| k.code().name() == op);
        if !known
            || DISPUTED.contains(&file)
            || only.as_ref().is_some_and(|only| !only.split(',').any(|o| o == op))
        {
            continue;
        }
        let arrays = npz(&files[&format!("{file}.npz")]);
        let tolerances: Vec<Tolerance> = tolerance.split('|').map(parse).collect();
        let model = &files[&format!("{file}.tflite")];
        let outcome = check(model, &named(&arrays, "in"), &named(&arrays, "out"), &tolerances, &mut arena);
        let tally = tallies.entry((op, dtype)).or_default();
        tally.total += 1;
        match outcome {
            Outcome::Right => tally.right += 1,
            Outcome::Refused | Outcome::Missing => tally.refused += 1,
            Outcome::Wrong(why) => failures.push((op, dtype, format!("{file}: {why}"))),
        }
    }
    println!("{:<24} {:<12} passed refused total", "operator", "type");
    for ((op, dtype), t) in &tallies {
        println!("{op:<24} {dtype:<12} {:>6} {:>7} {:>5}", t.right, t.refused, t.total);
    }
    failures.iter().for_each(|(.., failure)| println!("{failure}"));
    let supported = |op, dtype: &str| SUPPORTED.iter().any(|(o, types)| *o == op && types.contains(&dtype));
    let bad: Vec<_> = tallies.iter().filter(|((o, d), t)| supported(*o, d) && t.right < t.total).collect();
    let names: Vec<_> = bad.iter().map(|((op, dtype), _)| format!("{op} {dtype}")).collect();
    assert!(names.is_empty(), "not all cases pass: {}", names.join(", "));
}

/// `1e-5/1e-6` is absolute and relative, a lone number absolute.
fn parse(tolerance: &str) -> Tolerance {
    let number = |s: &str| s.parse().expect("a number");
    let (absolute, relative) = tolerance.split_once('/').unwrap_or((tolerance, "0"));
    Tolerance { absolute: number(absolute), relative: number(relative) }
}

/// The arrays `{prefix}0`, `{prefix}1` and so on.
fn named(arrays: &BTreeMap<String, Array>, prefix: &str) -> Vec<Array> {
    (0..).map_while(|i| arrays.get(&format!("{prefix}{i}")).cloned()).collect()
}

/// The files of the packed suite by their paths in it.
fn unpack(packed: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed));
    let mut files = BTreeMap::new();
    for entry in archive.entries().expect("a tar file") {
        let mut entry = entry.expect("an entry");
        let path = entry.path().expect("a path").to_string_lossy().into_owned();
        let name = path.split_once('/').map_or(path.as_str(), |(_, rest)| rest).to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("an entry's bytes");
        files.insert(name, bytes);
    }
    files
}
