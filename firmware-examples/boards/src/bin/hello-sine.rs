//! A lamp swells and fades along a sine that a network works out.

#![no_std]
#![no_main]

use app::Fault;
use app::sine::{ARENA, Lamp};
use boards::devices::Pwm;
use boards::{end, entry, log_memory};
use sedge_runtime::arena::Aligned;
use static_cell::ConstStaticCell;

static MEMORY: ConstStaticCell<Aligned<[u8; ARENA]>> = ConstStaticCell::new(Aligned([0; ARENA]));

/// The angles to show.
static ANGLES: &[u8] = include_bytes!("../../../fixtures/sine.bin");

fn run() -> Result<(), Fault<core::convert::Infallible>> {
    let arena = MEMORY.take();
    let mut lamp = Lamp::new(&mut arena.0, Pwm)?;
    log_memory(&lamp.memory(), ARENA);
    for angle in ANGLES.iter().map(|angle| angle.cast_signed()) {
        let sine = lamp.show(angle)?;
        defmt::println!("sin {=i8} = {=i8}", angle, sine);
    }
    Ok(())
}

#[entry]
fn main() -> ! {
    end(run())
}
