//! An operator that has a kernel passes all its cases of the suite of single-operator models, in every
//! element type; but for those cases whose outputs are disputed (`suite::DISPUTED`).

use std::collections::BTreeMap;

use sedge_tests::case::{ARENA, Outcome};
use sedge_tests::suite::Suite;

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
    let Some(suite) = Suite::at_hand() else { return };
    let only = std::env::var(ONLY).ok();
    let mut arena = vec![0; ARENA];
    let mut tallies: BTreeMap<(&str, &str), Tally> = BTreeMap::new();
    let mut failures = Vec::new();
    let asked = |op: &str| only.as_ref().is_none_or(|only| only.split(',').any(|o| o == op));
    for case in suite.cases.iter().filter(|case| case.has_kernel() && asked(&case.op)) {
        if case.dispute.is_some() {
            continue;
        }
        let tally = tallies.entry((&case.op, &case.dtype)).or_default();
        tally.total += 1;
        match suite.run(case, &mut arena) {
            Outcome::Right => tally.right += 1,
            Outcome::Refused | Outcome::Missing => {
                tally.refused += 1;
                failures.push(format!("{}: refused", case.file));
            }
            Outcome::Wrong(why) => failures.push(format!("{}: {why}", case.file)),
        }
    }
    println!("{:<24} {:<12} passed refused total", "operator", "type");
    for ((op, dtype), t) in &tallies {
        println!("{op:<24} {dtype:<12} {:>6} {:>7} {:>5}", t.right, t.refused, t.total);
    }
    assert!(failures.is_empty(), "{} cases fail:\n{}", failures.len(), failures.join("\n"));
}
