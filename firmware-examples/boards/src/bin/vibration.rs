//! A lamp that is on while a machine vibrates unusually.

#![no_std]
#![no_main]

use app::Fault;
use app::accelerometer::{Accelerometer, Rate};
use app::vibration::{ARENA_SIZE, Arena, Watch};
use boards::devices::{I2cRecording, Led};
use boards::{end, entry, log_arena};
use sedge_runtime::arena::Aligned;
use static_cell::ConstStaticCell;

static MEMORY: ConstStaticCell<Arena> = ConstStaticCell::new(Aligned([0; ARENA_SIZE]));

/// What the sensor says, reading by reading.
static READINGS: &[u8] = include_bytes!("../../../fixtures/vibration.bin");

fn run() -> Result<(), Fault<core::convert::Infallible>> {
    let Ok(sensor) = Accelerometer::new(I2cRecording::new(READINGS), Rate::Hz1344) else { return Ok(()) };
    let mut watch = Watch::new(MEMORY.take(), sensor, Led::new("warning"));
    log_arena(ARENA_SIZE, ARENA_SIZE);
    // On a board the closure waits for the sensor's data-ready pin. The recording ends with an error of the bus.
    while watch.measure(|| {}).is_ok() {
        let decision = watch.decide()?;
        defmt::println!("error {=u32}", decision.error);
    }
    Ok(())
}

#[entry]
fn main() -> ! {
    end(run())
}
