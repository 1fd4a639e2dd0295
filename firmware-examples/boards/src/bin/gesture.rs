//! Three LEDs, one for each gesture: that of the gesture that the hand makes is on.

#![no_std]
#![no_main]

use app::Fault;
use app::accelerometer::{Accelerometer, Rate};
use app::gesture::{ARENA_SIZE, Arena, GESTURES, LABELS, Recognizer};
use boards::devices::{I2cRecording, Led};
use boards::{end, entry, log_arena};
use sedge_runtime::arena::Aligned;
use static_cell::ConstStaticCell;

static MEMORY: ConstStaticCell<Arena> = ConstStaticCell::new(Aligned([0; ARENA_SIZE]));

/// What the sensor says, reading by reading.
static READINGS: &[u8] = include_bytes!("../../../fixtures/gesture.bin");

fn run() -> Result<(), Fault<core::convert::Infallible>> {
    let leds = core::array::from_fn::<_, GESTURES, _>(|i| Led::new(LABELS[i + 1]));
    let Ok(sensor) = Accelerometer::new(I2cRecording::new(READINGS), Rate::Hz50) else { return Ok(()) };
    let mut recognizer = Recognizer::new(MEMORY.take(), sensor, leds);
    log_arena(ARENA_SIZE, ARENA_SIZE);
    // On a board a timer calls `sample` fifty times a second. The recording ends with an error of the bus.
    while let Ok(is_complete) = recognizer.sample() {
        if is_complete {
            let decision = recognizer.decide()?;
            defmt::println!("{} {=str}", decision.scores, decision.seen.map_or("?", |label| LABELS[label]));
        }
    }
    Ok(())
}

#[entry]
fn main() -> ! {
    end(run())
}
