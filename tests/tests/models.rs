//! Whole models against the outputs that the oracle gave for them: integer models bit for bit,
//! float models within 1e-5 of the output's range; on every level, weights in place and packed.

use std::num::NonZero;
use std::path::Path;

use sedge_runtime::{Error, Level, Model, TensorType, Weights, kernels};
use sedge_tests::arrays::{Array, npz, steps};
use sedge_tests::run::{Output, arena, run, run_on, ways};
use sedge_tests::{data, run};

/// Float outputs may differ by this share of the largest value expected.
const FLOAT_TOLERANCE: f64 = 1e-5;

/// The largest magnitude that output `o` is expected to have in any step.
fn range(wants: &[Vec<Array>], o: usize) -> f64 {
    let arrays = wants.iter().filter_map(|step| step.get(o)).filter(|array| array.is_float);
    arrays.flat_map(|array| array.numbers()).fold(0.0, |m, x| m.max(x.abs()))
}

/// What is wrong with `got`, if anything.
fn difference(got: &Output, want: &Array, range: f64) -> Option<String> {
    if got.shape.dims() != want.shape {
        return Some(format!("shape {}, expected {:?}", got.shape, want.shape));
    }
    let tolerance = if got.kind == TensorType::Float32 { FLOAT_TOLERANCE * range } else { 0.0 };
    let (count, example) = want.differences(&want.with_bytes(&got.bytes), tolerance, 0.0)?;
    Some(format!("{count} of {} elements differ: {example}", got.shape.elements()))
}

/// Checks one model; `None` where its operators are not all there, with their names printed.
fn check(path: &Path, expected: &Path) -> Option<Vec<String>> {
    let file = std::fs::read(path).expect("a model");
    let model = Model::check(&file).expect("a good model");
    let missing: Vec<String> = kernels::ALL.missing(&model).map(|code| code.name().to_owned()).collect();
    if !missing.is_empty() {
        data::skipped(&format!("{}: no kernel for {}", path.display(), missing.join(", ")));
        return None;
    }
    let arrays = npz(&std::fs::read(expected).expect("expected outputs"));
    let (inputs, wants) = (steps(&arrays, "in"), steps(&arrays, "out"));
    assert!(!inputs.is_empty() && inputs.len() == wants.len(), "{}", expected.display());
    let disputed = path.file_stem().is_some_and(|stem| DISPUTED.iter().any(|name| stem == *name));
    let mut wrong = Vec::new();
    for way in ways() {
        let mut complain = |what: String| wrong.push(format!("{} on {way:?}: {what}", path.display()));
        match run(&file, way, &mut arena(64 << 20), &inputs) {
            Err(Error::Operator { operator, code, refusal }) => {
                complain(format!("operator {operator} ({code}): {refusal}"));
            }
            Err(error) => complain(error.to_string()),
            Ok(_) if disputed => {}
            Ok(outputs) => {
                for (t, (got, want)) in outputs.iter().zip(&wants).enumerate() {
                    assert_eq!(got.len(), want.len(), "outputs of {}", path.display());
                    for (o, (got, want)) in got.iter().zip(want).enumerate() {
                        if let Some(what) = difference(got, want, range(&wants, o)) {
                            complain(format!("step {t}, output {o}: {what}"));
                        }
                    }
                }
            }
        }
    }
    Some(wrong)
}

/// Models that must run, but whose expected values are LiteRT's: it rounds int8 FULLY_CONNECTED once,
/// and a difference of one step grows over fifty turns of a loop (basic_lstm_s); it computes the gates of
/// int8 LSTM layers in fixed point, where TensorFlow Lite Micro interpolates (dtln).
const DISPUTED: &[&str] = &["basic_lstm_s", "dtln"];

fn check_all(folder: &Path, expected: impl Fn(&Path) -> std::path::PathBuf) {
    let mut wrong = Vec::new();
    let mut checked = 0;
    for path in data::models(folder) {
        if let Some(found) = check(&path, &expected(&path)) {
            checked += 1;
            wrong.extend(found);
        }
    }
    eprintln!("{}: {checked} models checked", folder.display());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bundled_models_give_the_oracles_outputs() {
    check_all(&data::repository().join("tests/data"), |path| path.with_extension("expected.npz"));
}

#[test]
fn shared_models_give_the_oracles_outputs() {
    if let Some(models) = data::shared("models") {
        check_all(&models, |path| path.with_extension("npz"));
    }
}

#[test]
fn threads_change_no_bit() {
    let Some(models) = data::shared("models") else { return };
    let way = (Level::detect(), Weights::Packed);
    let [one, two, five] = [1, 2, 5].map(|n| NonZero::new(n).expect("not 0"));
    for path in data::models(&models) {
        let file = std::fs::read(&path).expect("a model");
        let arrays = npz(&std::fs::read(path.with_extension("npz")).expect("inputs"));
        let mut memory = arena(64 << 20);
        let mut outputs = |threads| run_on(threads, &file, way, &mut memory, &steps(&arrays, "in")[..1]);
        let alone = outputs(one).expect("outputs");
        let together = [two, five].map(|n| outputs(n).expect("outputs"));
        assert!(together.iter().all(|outputs| *outputs == alone), "{}", path.display());
    }
}

#[test]
fn an_arena_of_the_size_reported_is_enough_and_one_less_is_not() {
    for path in data::models(data::repository().join("tests/data")) {
        let file = std::fs::read(&path).expect("a model");
        for way in ways() {
            let mut exact = vec![0u128; 64 << 16];
            let size =
                run::session_bytes(&file, way, bytemuck::cast_slice_mut(&mut exact)).expect("a session");
            let memory: &mut [u8] = bytemuck::cast_slice_mut(&mut exact);
            assert_eq!(run::session_bytes(&file, way, &mut memory[..size]), Ok(size), "{}", path.display());
            let less = run::session_bytes(&file, way, &mut memory[..size - 1]);
            assert!(matches!(less, Err(Error::ArenaTooSmall { .. })), "{}: {less:?}", path.display());
        }
    }
}
