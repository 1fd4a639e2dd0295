//! A lamp swells and fades along a sine that a network works out.

#![no_std]
#![no_main]

use app::Fault;
use app::sine::{ARENA_SIZE, Arena, Lamp};
use boards::devices::Pwm;
use boards::{end, entry, log_arena};
use sedge_runtime::arena::Aligned;
use static_cell::ConstStaticCell;

static MEMORY: ConstStaticCell<Arena> = ConstStaticCell::new(Aligned([0; ARENA_SIZE]));

/// The angles to show.
static ANGLES: &[u8] = include_bytes!("../../../fixtures/sine.bin");

fn run() -> Result<(), Fault<core::convert::Infallible>> {
    let mut lamp = Lamp::new(MEMORY.take(), Pwm);
    log_arena(ARENA_SIZE, ARENA_SIZE);
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
