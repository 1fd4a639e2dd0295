//! The suite of single-operator models: what LiteRT's and TensorFlow Lite Micro's reference kernels
//! compute, within the tolerances of the suite's index.
//!
//! `index.csv` has a line `operator,type,file,tolerance,note` for each case, whose model is `file.tflite`
//! and whose inputs and outputs are the arrays `in0`, `out0` and so on of `file.npz`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sedge_runtime::kernels;

use crate::arrays::{Array, npz};
use crate::case::{Outcome, Tolerance, check};
use crate::data::{self, unpack};

/// Cases whose outputs are not those of the rule, and why.
pub struct Dispute {
    /// Who computes what otherwise.
    pub reason: &'static str,
    /// The cases' files in the suite beside the repository.
    pub cases: &'static [&'static str],
}

/// Cases that LiteRT and TensorFlow Lite Micro, which the runtime follows, compute differently, and
/// whose outputs are LiteRT's.
pub const DISPUTED: &[Dispute] = &[
    Dispute {
        reason: "LiteRT adds int16 operands that have power-of-two scales without scaling them first",
        cases: &["ADD/int16-003", "ADD/int16-005", "SUB/int16-001", "SUB/int16-003"],
    },
    Dispute {
        reason: "where the time is the outer dimension, LiteRT runs hybrid bidirectional layers over the whole \
                 sequence as often as that has steps",
        cases: &[
            "BIDIRECTIONAL_SEQUENCE_RNN/hybrid-002",
            "BIDIRECTIONAL_SEQUENCE_RNN/hybrid-004",
            "BIDIRECTIONAL_SEQUENCE_RNN/hybrid-006",
        ],
    },
    Dispute {
        reason: "LiteRT reads a row of int4 weights that starts in the middle of a byte from that byte's start",
        cases: &[
            "EMBEDDING_LOOKUP/hybrid4-000",
            "EMBEDDING_LOOKUP/hybrid4-001",
            "EMBEDDING_LOOKUP/hybrid4-004",
            "EMBEDDING_LOOKUP/hybrid4-005",
            "EMBEDDING_LOOKUP/hybrid4-007",
        ],
    },
    Dispute {
        reason: "LiteRT rounds fully connected layers once",
        cases: &["FULLY_CONNECTED/int8w4-001", "FULLY_CONNECTED/int8w4-007"],
    },
    Dispute {
        reason: "LiteRT takes 16-bit inverse roots from straight lines between the points of a table",
        cases: &["RSQRT/int16-002", "RSQRT/int16-004"],
    },
    Dispute { reason: "LiteRT rescales sums in floats", cases: &["SUM/int8-003"] },
];

/// A case of the suite.
#[derive(Clone, Debug)]
pub struct Case {
    /// The operator's name, such as `CONV_2D`.
    pub op: String,
    /// Its element types, such as `int16x8`.
    pub dtype: String,
    /// The name of its files.
    pub file: String,
    tolerances: Vec<Tolerance>,
    /// Why its outputs are not those of the rule, if they are not.
    pub dispute: Option<&'static str>,
}

impl Case {
    /// Whether the runtime has a kernel for the operator.
    pub fn has_kernel(&self) -> bool {
        kernels::ALL.kernels().any(|k| k.code().name() == self.op || k.custom_name() == self.op)
    }
}

enum Files {
    Packed(BTreeMap<String, Vec<u8>>),
    Folder(PathBuf),
}

/// A suite, packed or a folder.
pub struct Suite {
    files: Files,
    /// Its cases, in the order of the index.
    pub cases: Vec<Case>,
}

/// The variable that names another suite than the one beside the repository.
const ELSEWHERE: &str = "SEDGE_CONFORMANCE_SUITE";

impl Suite {
    /// The suite beside the repository, or the one that `SEDGE_CONFORMANCE_SUITE` names. `None`, and a line
    /// that says so, where it is not at hand.
    pub fn at_hand() -> Option<Self> {
        match std::env::var_os(ELSEWHERE) {
            Some(path) => Some(Self::open(Path::new(&path))),
            None => {
                let mut suite = Self::of(Files::Packed(data::suite()?));
                for case in &mut suite.cases {
                    let dispute = DISPUTED.iter().find(|d| d.cases.contains(&case.file.as_str()));
                    case.dispute = dispute.map(|d| d.reason);
                }
                Some(suite)
            }
        }
    }

    /// The suite in a packed file or in a folder; none of its cases is disputed.
    ///
    /// # Panics
    /// Where there is no suite.
    pub fn open(path: &Path) -> Self {
        let files = match path.is_dir() {
            true => Files::Folder(path.into()),
            false => Files::Packed(unpack(&std::fs::read(path).expect("the suite"))),
        };
        Self::of(files)
    }

    fn of(files: Files) -> Self {
        let mut suite = Self { files, cases: Vec::new() };
        let index = String::from_utf8(suite.read("index.csv").into_owned()).expect("an index");
        suite.cases = index.lines().skip(1).map(case).collect();
        suite
    }

    fn read(&self, name: &str) -> Cow<'_, [u8]> {
        match &self.files {
            Files::Packed(files) => Cow::Borrowed(&files[name]),
            Files::Folder(folder) => Cow::Owned(std::fs::read(folder.join(name)).expect(name)),
        }
    }

    /// Runs a case in every way that a session can be made.
    pub fn run(&self, case: &Case, arena: &mut [u8]) -> Outcome {
        let arrays = npz(&self.read(&format!("{}.npz", case.file)));
        let model = self.read(&format!("{}.tflite", case.file));
        check(&model, &named(&arrays, "in"), &named(&arrays, "out"), &case.tolerances, arena)
    }
}

/// The case of a line of the index.
fn case(line: &str) -> Case {
    let mut fields = line.splitn(5, ',');
    let [op, dtype, file, tolerance] = [(); 4].map(|()| fields.next().expect("a field"));
    let tolerances = tolerance.split('|').map(tolerance_of).collect();
    Case { op: op.into(), dtype: dtype.into(), file: file.into(), tolerances, dispute: None }
}

/// `1e-5/1e-6` is absolute and relative, a lone number absolute.
fn tolerance_of(text: &str) -> Tolerance {
    let number = |s: &str| s.parse().expect("a number");
    let (absolute, relative) = text.split_once('/').unwrap_or((text, "0"));
    Tolerance { absolute: number(absolute), relative: number(relative) }
}

/// The arrays `{prefix}0`, `{prefix}1` and so on.
fn named(arrays: &BTreeMap<String, Array>, prefix: &str) -> Vec<Array> {
    (0..).map_while(|i| arrays.get(&format!("{prefix}{i}")).cloned()).collect()
}
