//! The suite of single-operator models beside the repository, `shared/conformance`: what LiteRT's and
//! TensorFlow Lite Micro's reference kernels compute, within the tolerances of the suite's index. An
//! operator that has a kernel passes all its cases, in every element type.

use std::collections::BTreeMap;
use std::io::Read as _;

use sedge_runtime::kernels;
use sedge_tests::arrays::{Array, npz};
use sedge_tests::case::{ARENA, Outcome, Tolerance, check};
use sedge_tests::data::shared;

/// Cases that LiteRT and TensorFlow Lite Micro, which the runtime follows, compute differently, and
/// whose outputs are LiteRT's: it adds int16 operands that have power-of-two scales without scaling
/// them first, rescales sums in floats, and rounds fully connected layers once; it reads a row of int4
/// weights that starts in the middle of a byte from that byte's start.
const DISPUTED: &[&str] = &[
    "ADD/int16-003",
    "ADD/int16-005",
    "EMBEDDING_LOOKUP/hybrid4-000",
    "EMBEDDING_LOOKUP/hybrid4-001",
    "EMBEDDING_LOOKUP/hybrid4-004",
    "EMBEDDING_LOOKUP/hybrid4-005",
    "EMBEDDING_LOOKUP/hybrid4-007",
    "FULLY_CONNECTED/int8w4-001",
    "FULLY_CONNECTED/int8w4-007",
    "SUB/int16-001",
    "SUB/int16-003",
    "SUM/int8-003",
];

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
        let known = kernels::ALL.kernels().iter().any(|k| k.code().name() == op || k.custom_name() == op);
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
            Outcome::Refused | Outcome::Missing => {
                tally.refused += 1;
                failures.push(format!("{file}: refused"));
            }
            Outcome::Wrong(why) => failures.push(format!("{file}: {why}")),
        }
    }
    println!("{:<24} {:<12} passed refused total", "operator", "type");
    for ((op, dtype), t) in &tallies {
        println!("{op:<24} {dtype:<12} {:>6} {:>7} {:>5}", t.right, t.refused, t.total);
    }
    assert!(failures.is_empty(), "{} cases fail:\n{}", failures.len(), failures.join("\n"));
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
