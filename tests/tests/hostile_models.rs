//! Damaged models through the whole runtime: checked, planned and run, or refused; nothing else.

use sedge_runtime::{Error, Level, Model, Options, Session, Weights, kernels};
use sedge_tests::data;

/// Bytes of memory: enough for the model, little enough that a damaged one cannot ask for much work.
const ARENA: usize = 64 << 10;

/// Checks, plans and runs a file twice.
fn go(file: &[u8], arena: &mut [u8]) -> Result<(), Error> {
    let model = Model::check(file)?;
    for weights in [Weights::InPlace, Weights::Packed] {
        let options = Options { level: Level::detect(), weights, ..Options::default() };
        let mut session = Session::with_options(model, kernels::ALL, arena, &options)?;
        session.invoke()?;
        session.reset();
        session.invoke()?;
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
