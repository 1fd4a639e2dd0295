//! A session with a model that nobody has seen before.

#![no_std]
#![no_main]
#![cfg(target_os = "none")]

use no_panic as _;
use sedge_runtime::arena::Aligned;
use sedge_runtime::{Error, Model, Options, Session, Weights, kernels};

/// Reads `file`, runs it on an input, and tells the first byte of its output.
// SAFETY: no other function has this name.
#[unsafe(no_mangle)]
pub extern "C" fn _start(
    file: &Aligned<[u8; 65536]>,
    arena: &mut Aligned<[u8; 65536]>,
    input: &[u8; 1024],
) -> i32 {
    run(&file.0, &mut arena.0, input).map_or(-1, i32::from)
}

fn run(file: &[u8], arena: &mut [u8], input: &[u8]) -> Result<u8, Error> {
    let model = Model::check(file)?;
    let options = Options { weights: Weights::InPlace, ..Options::default() };
    let mut session = Session::with_options(model, kernels::ALL, arena, &options)?;
    for (to, from) in session.input_bytes_mut(0)?.iter_mut().zip(input) {
        *to = *from;
    }
    session.invoke()?;
    session.reset();
    Ok(session.output_bytes(0)?.first().copied().unwrap_or_default())
}
