//! As `bench`, for the model as it was compiled into the program.

#![no_std]
#![no_main]

use boards::measure::Measured;
use boards::{end, entry};
use sedge_runtime::{Error, Progress};
use static_cell::ConstStaticCell;

include!(concat!(env!("OUT_DIR"), "/compiled_model.rs"));

static MEMORY: ConstStaticCell<model::Arena> =
    ConstStaticCell::new(sedge_runtime::arena::Aligned([0; model::ARENA_SIZE]));

fn run() -> Result<(), Error> {
    let mut measured = Measured::start();
    let mut model = model::Model::new(MEMORY.take());
    measured.made();
    inputs(&mut model, |bytes| measured.fill(bytes));
    measured.begin();
    model.invoke()?;
    measured.ran();
    outputs(&model, |bytes| measured.add(bytes));
    measured.print(model::ARENA_SIZE);
    // Once more, operator by operator; what the inputs hold by now does not matter.
    loop {
        measured.begin();
        let progress = model.invoke_step()?;
        measured.step();
        if progress == Progress::Done {
            break;
        }
    }
    Ok(())
}

#[entry]
fn main() -> ! {
    end(run())
}
