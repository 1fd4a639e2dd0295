//! The page that tells which operators run in which element types: `docs/operators.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sedge_runtime::kernels;

use crate::case::{ARENA, Outcome};
use crate::suite::{Case, DISPUTED, Suite};

/// Element types that have a column of their own.
const COLUMNS: [&str; 7] = ["float32", "int8", "uint8", "int16", "int32", "int64", "bool"];

const HEAD: &str = "\
# Operators

Made by `cargo xtask operators` from a run of the conformance suite: models of one operator each, with
inputs and the outputs of the reference kernels of LiteRT or TensorFlow Lite Micro. Integer outputs must be
the same bits where the suite gives no tolerance (it does where the references interpolate). A case passes
where it does on every vector level of the processor that made this page, with weights in place and packed.

A cell says how many cases pass, and of how many. Types are those of the activations; `int16x8` is int16
with int8 weights, `hybrid` float32 with int8 weights, `hybrid4` and `int8w4` the same and int8 with int4
weights, `int8to16` int8 in and int16 out, `int8idx` int16 indices.
";

#[derive(Clone, Copy, Default)]
struct Tally {
    right: usize,
    total: usize,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.right, self.total)
    }
}

/// Runs all cases of the suite whose operators have kernels, and writes the page.
pub fn page(suite: &Suite) -> String {
    let mut arena = vec![0; ARENA];
    let (known, unknown): (Vec<&Case>, Vec<&Case>) = suite.cases.iter().partition(|case| case.has_kernel());
    let mut rows: BTreeMap<&str, BTreeMap<&str, Tally>> = BTreeMap::new();
    let (mut all, mut failures) = (Tally::default(), Vec::new());
    let mut disputes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for case in &known {
        let outcome = suite.run(case, &mut arena);
        let tally = rows.entry(&case.op).or_default().entry(&case.dtype).or_default();
        let right = usize::from(outcome == Outcome::Right);
        tally.right += right;
        tally.total += 1;
        all.right += right;
        all.total += 1;
        match (outcome, case.dispute) {
            (Outcome::Right, _) => {}
            (_, Some(reason)) => disputes.entry(reason).or_default().push(&case.file),
            (Outcome::Wrong(why), None) => failures.push((&case.file, why)),
            (_, None) => failures.push((&case.file, "refused".into())),
        }
    }

    let mut page = HEAD.to_owned();
    let count = rows.len();
    let disputed: usize = disputes.values().map(Vec::len).sum();
    line(
        &mut page,
        format!(
            "\n{} of {} cases of {count} operators pass; {disputed} others are disputed.\n",
            all.right, all.total
        ),
    );
    line(&mut page, format!("| operator | {} | others |", COLUMNS.join(" | ")));
    line(&mut page, format!("| --- |{}", " ---: |".repeat(COLUMNS.len()) + " --- |"));
    for (op, types) in &rows {
        let cell = |kind: &str| types.get(kind).map(Tally::to_string).unwrap_or_default();
        let others: Vec<String> = types
            .iter()
            .filter(|(kind, _)| !COLUMNS.contains(kind))
            .map(|(kind, tally)| format!("{kind} {tally}"))
            .collect();
        line(&mut page, format!("| {op} | {} | {} |", COLUMNS.map(cell).join(" | "), others.join(", ")));
    }
    if !failures.is_empty() {
        line(&mut page, "\n## Failing\n".into());
        failures.iter().for_each(|(file, why)| line(&mut page, format!("- `{file}`: {why}")));
    }
    if !disputes.is_empty() {
        line(&mut page, "\n## Disputed\n".into());
        line(
            &mut page,
            "LiteRT computes these cases otherwise than TensorFlow Lite Micro, whose bits are the rule:\n"
                .into(),
        );
        for dispute in DISPUTED.iter().filter_map(|d| Some((d.reason, disputes.get(d.reason)?))) {
            let (reason, cases) = dispute;
            line(&mut page, format!("- {reason}: `{}`.", cases.join("`, `")));
        }
    }
    let names: BTreeSet<&str> = unknown.iter().map(|case| case.op.as_str()).collect();
    if !names.is_empty() {
        line(&mut page, "\n## Without a kernel\n".into());
        line(
            &mut page,
            "The suite has cases for these operators, which a model that uses them is refused for:\n".into(),
        );
        line(&mut page, format!("{}.", names.into_iter().collect::<Vec<_>>().join(", ")));
    }
    let without: Vec<&str> = names_of_kernels().into_iter().filter(|name| !rows.contains_key(name)).collect();
    if !without.is_empty() {
        line(&mut page, "\n## Without cases\n".into());
        line(&mut page, format!("The suite has none for: {}.", without.join(", ")));
    }
    page
}

fn line(page: &mut String, text: String) {
    writeln!(page, "{text}").expect("text");
}

/// The names of all operators that have kernels.
fn names_of_kernels() -> BTreeSet<&'static str> {
    let name = |custom: &'static str, builtin: &'static str| if custom.is_empty() { builtin } else { custom };
    kernels::ALL.kernels().map(|k| name(k.custom_name(), k.code().name())).collect()
}
