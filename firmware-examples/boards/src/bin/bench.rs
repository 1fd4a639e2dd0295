//! One inference of one model, counted: `cargo xtask firmware --bench` builds this for each model and board.
//!
//! The build script embeds the model that the variable `BENCH_MODEL` names, and links the kernels of its operators and no
//! others. What is printed is the arena, the ticks of one inference, and a checksum of the outputs.

#![no_std]
#![no_main]

use boards::measure::Measured;
use boards::{end, entry};
use sedge_runtime::arena::Aligned;
use sedge_runtime::{Error, Model, Options, Session, Weights};
use static_cell::ConstStaticCell;

include!(concat!(env!("OUT_DIR"), "/bench_model.rs"));

/// Bytes of memory for any of the models.
const ROOM: usize = 256 * 1024;

static MEMORY: ConstStaticCell<Aligned<[u8; ROOM]>> = ConstStaticCell::new(Aligned([0; ROOM]));

fn run() -> Result<(), Error> {
    let mut measured = Measured::start();
    let model = Model::check(&MODEL.0)?;
    let options = Options { weights: Weights::InPlace, ..Options::default() };
    let mut session = Session::with_options(model, kernels!(), &mut MEMORY.take().0, &options)?;
    measured.made();
    for i in 0..session.inputs() {
        measured.fill(session.input_bytes_mut(i)?);
    }
    measured.begin();
    session.invoke()?;
    measured.ran();
    for o in 0..session.outputs() {
        measured.add(session.output_bytes(o)?);
    }
    measured.print(session.memory().arena);
    Ok(())
}

#[entry]
fn main() -> ! {
    end(run())
}
