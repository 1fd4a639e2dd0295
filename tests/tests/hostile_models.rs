//! Damaged models through the whole runtime: checked, planned and run, or refused; nothing else.

use sedge_runtime::{Error, Level, Model, Options, Session, Weights, kernels};
use sedge_tests::data;

/// Bytes of memory: enough for the model, little enough that a damaged one cannot ask for much work.
const ARENA: usize = 64 << 10;

/// Checks, plans and runs a file twice.
fn go(file: &[u8], arena: &mut [u8]) -> Result<(), Error> {
    go_on(file, arena, &mut || 0)
}

/// As [`go`] on inputs of these bytes.
fn go_on(file: &[u8], arena: &mut [u8], next: &mut impl FnMut() -> u8) -> Result<(), Error> {
    let model = Model::check(file)?;
    for weights in [Weights::InPlace, Weights::Packed] {
        let options = Options { level: Level::detect(), weights, input_shapes: &[] };
        let mut session = Session::with_options(model, kernels::ALL, arena, &options)?;
        for _ in 0..2 {
            for input in 0..session.inputs() {
                session.input_bytes_mut(input)?.fill_with(&mut *next);
            }
            session.invoke()?;
            session.reset();
        }
    }
    Ok(())
}

fn sample() -> Vec<u8> {
    let path = data::repository().join("tests/data/sine/sine_int8_tf.tflite");
    std::fs::read(path).expect("the bundled model")
}

#[test]
fn every_truncation_is_refused_or_runs() {
    let (file, mut arena) = (sample(), vec![0; ARENA]);
    assert_eq!(go(&file, &mut arena), Ok(()));
    for end in 0..file.len() {
        // What is cut off the end may be padding, so some truncations run.
        let _ = go(&file[..end], &mut arena);
    }
    assert!(go(&file[..file.len() / 2], &mut arena).is_err());
}

#[test]
fn every_changed_byte_is_refused_or_runs() {
    let (mut file, mut arena) = (sample(), vec![0; ARENA]);
    let mut refused = 0;
    for at in 0..file.len() {
        let kept = file[at];
        let flips = (0..8).map(|bit| kept ^ 1 << bit);
        for value in flips.chain([0, 0x7f, 0x80, 0xff]) {
            file[at] = value;
            refused += usize::from(go(&file, &mut arena).is_err());
        }
        file[at] = kept;
    }
    // Damage to tables is seen; damage to weights is another model.
    assert!(refused > file.len(), "only {refused} changes were refused");
}

#[test]
fn every_changed_word_is_refused_or_runs() {
    let (mut file, mut arena) = (sample(), vec![0; ARENA]);
    for at in (0..file.len() - 3).step_by(4) {
        let kept: [u8; 4] = file[at..at + 4].try_into().expect("four bytes");
        let word = u32::from_le_bytes(kept);
        for value in [0, 1, u32::MAX, i32::MAX as u32, 1 << 31, word.wrapping_add(4), word.wrapping_sub(4)] {
            file[at..at + 4].copy_from_slice(&value.to_le_bytes());
            let _ = go(&file, &mut arena);
        }
        file[at..at + 4].copy_from_slice(&kept);
    }
}

/// The variable that says how often each single-operator model is damaged.
const TIMES: &str = "SEDGE_HOSTILE_TIMES";

#[test]
fn damaged_operators_are_refused_or_run() {
    let Some(files) = data::suite() else { return };
    let times = std::env::var(TIMES).map_or(10, |times| times.parse().expect("a number"));
    let (mut arena, mut state) = (vec![0; ARENA], 1u64);
    // Numbers that look random, the same ones in every run.
    let mut random = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as u32
    };
    let (mut refused, mut total) = (0, 0);
    for (_, file) in files.iter().filter(|(name, _)| name.ends_with(".tflite")) {
        let mut file = file.clone();
        for _ in 0..times {
            // A word of the file becomes one that is small or extreme, or any; 0 to 2 of them.
            let changes: Vec<_> = (0..random() % 3)
                .map(|_| {
                    let at = random() as usize % (file.len() / 4) * 4;
                    let word: [u8; 4] = file[at..at + 4].try_into().expect("four bytes");
                    let old = u32::from_le_bytes(word);
                    let new = match random() % 8 {
                        0 => old.wrapping_add(1),
                        1 => old.wrapping_sub(1),
                        2 => i32::MAX as u32,
                        3 => 1 << 31,
                        4 => u32::MAX,
                        5 => old ^ 1 << (random() % 32),
                        6 => random() % 9,
                        _ => random() << 1 ^ random(),
                    };
                    file[at..at + 4].copy_from_slice(&new.to_le_bytes());
                    (at, word)
                })
                .collect();
            // Inputs of any bytes, or of small numbers: indices that reach a little too far.
            let few = random() % 2 == 0;
            let mut next =
                || if few { (random() % 256) as u8 >> (random() % 9).min(7) } else { random() as u8 };
            refused += usize::from(go_on(&file, &mut arena, &mut next).is_err());
            total += 1;
            for (at, word) in changes.into_iter().rev() {
                file[at..at + 4].copy_from_slice(&word);
            }
        }
    }
    assert!(refused > total / 10 && refused < total, "{refused} of {total} were refused");
}
