//! One inference of one model, counted: `cargo xtask firmware --bench` builds this for each model and board.
//!
//! The build script embeds the model that the variable `BENCH_MODEL` names, and links the kernels of its operators and no
//! others. What is printed is the arena, the ticks of one inference, and a checksum of the outputs.

#![no_std]
#![no_main]

use boards::ticks::Ticks;
use boards::{end, entry};
use sedge_runtime::arena::Aligned;
use sedge_runtime::{Error, Model, Options, Session, Weights};
use static_cell::ConstStaticCell;

include!(concat!(env!("OUT_DIR"), "/bench_model.rs"));

/// Bytes of memory for any of the models.
const ROOM: usize = 256 * 1024;

static MEMORY: ConstStaticCell<Aligned<[u8; ROOM]>> = ConstStaticCell::new(Aligned([0; ROOM]));

/// The checksum FNV-1a of 32 bits.
fn checksum(sum: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(sum, |sum, &byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn run() -> Result<(), Error> {
    let mut ticks = Ticks::start();
    let model = Model::check(&MODEL.0)?;
    let options = Options { weights: Weights::InPlace, ..Options::default() };
    let mut session = Session::with_options(model, kernels!(), &mut MEMORY.take().0, &options)?;
    let made = ticks.lap();
    // The bytes that the host takes as well: each a step of a linear congruential generator.
    let mut state = 1u32;
    for i in 0..session.inputs() {
        for byte in session.input_bytes_mut(i)? {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (state >> 24) as u8;
        }
    }
    ticks.lap();
    session.invoke()?;
    let ran = ticks.lap();
    let mut sum = 0x811c_9dc5;
    for o in 0..session.outputs() {
        sum = checksum(sum, session.output_bytes(o)?);
    }
    let arena = session.memory().arena;
    defmt::println!("arena {=usize} made {=u32} ran {=u32} sum {=u32}", arena, made, ran, sum);
    Ok(())
}

#[entry]
fn main() -> ! {
    end(run())
}
