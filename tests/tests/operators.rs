//! The bundled single-operator models, `tests/data/operators`: integer outputs must be the same bits,
//! float ones within 1e-5.

use std::collections::BTreeMap;

use sedge_tests::arrays::{Array, npz};
use sedge_tests::case::{ARENA, Outcome, Tolerance, check};
use sedge_tests::data::repository;

#[test]
fn bundled_cases_agree_with_the_reference() {
    let file = repository().join("tests/data/operators/cases.npz");
    let arrays = npz(&std::fs::read(file).expect("the bundled cases"));
    let mut arena = vec![0; ARENA];
    let mut tallies: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut failures = Vec::new();
    for (name, model) in &arrays {
        let Some(case) = name.strip_suffix(".model") else { continue };
        let named = |kind: &str| -> Vec<Array> {
            (0..).map_while(|i| arrays.get(&format!("{case}.{kind}{i}")).cloned()).collect()
        };
        let outputs = named("out");
        let tolerances: Vec<Tolerance> = outputs.iter().map(tolerance).collect();
        let outcome = check(&model.bytes, &named("in"), &outputs, &tolerances, &mut arena);
        let group = case.rsplit_once('.').map_or(case, |(group, _)| group);
        let (right, total) = tallies.entry(group.to_owned()).or_default();
        *total += 1;
        match outcome {
            Outcome::Right => *right += 1,
            wrong => failures.push(format!("{case}: {wrong:?}")),
        }
    }
    tallies.iter().for_each(|(group, (right, total))| println!("{group:<28} {right}/{total}"));
    assert!(failures.is_empty(), "{} cases fail:\n{}", failures.len(), failures.join("\n"));
}

fn tolerance(output: &Array) -> Tolerance {
    let near = if output.is_float { 1e-5 } else { 0.0 };
    Tolerance { absolute: near, relative: near }
}
