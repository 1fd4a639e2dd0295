//! An LED for each of three gestures: an accelerometer is read fifty times a second, a network tells what the hand that
//! holds it does.
//!
//! ```text
//! sensor --I2C, 50 times a second--> reading --> window of 64 --every 16 readings--> network --> LEDs
//! ```
//!
//! The network is compiled into the program. A gesture counts when two windows in a row show it, because the beginning of
//! any of them looks like a tap.

use embedded_hal::digital::OutputPin;
use embedded_hal::i2c::I2c;
use heapless::Deque;

use crate::Fault;
use crate::accelerometer::{Accelerometer, Reading};

/// The network: 64 readings in, one score for each label out.
mod network {
    sedge_macros::include_model!("../../../tests/data/gesture/gesture_int8_tf.tflite");
}

pub use network::{ARENA_SIZE, Arena};

/// What the network tells apart. All but the first are gestures.
pub const LABELS: [&str; 4] = ["rest", "circle", "shake", "tap"];

/// The number of gestures, and of LEDs.
pub const GESTURES: usize = LABELS.len() - 1;

/// The readings that the network looks at together.
const WINDOW: usize = 64;

/// How many new readings make another window.
const HOP: usize = 16;

/// The score from which on a window shows something: 60 %, where -128 is 0 % and 127 nearly 100 %.
const SEEN: i8 = 26;

/// A reading in the network's numbers: `round(value / 256)`, where the sensor's 8192 is 1 g and the network's input scale
/// 1/32 g.
fn scaled(reading: Reading) -> [i8; 3] {
    reading.map(|value| i8::try_from((i32::from(value) + 128) >> 8).unwrap_or(i8::MAX))
}

/// What the network says of one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The score of each label.
    pub scores: [i8; LABELS.len()],
    /// The label that the window shows, if any.
    pub seen: Option<usize>,
}

/// Reads the sensor, and lights the LED of the gesture it sees.
pub struct Recognizer<'a, I, L> {
    sensor: Accelerometer<I>,
    network: network::Model<'a>,
    window: Deque<[i8; 3], WINDOW>,
    before: Option<usize>,
    leds: [L; GESTURES],
}

impl<'a, I: I2c, L: OutputPin> Recognizer<'a, I, L> {
    /// A recognizer whose sensor measures 50 times a second, with an LED for each of [`LABELS`] but the first.
    pub fn new(arena: &'a mut Arena, sensor: Accelerometer<I>, leds: [L; GESTURES]) -> Self {
        Self { sensor, network: network::Model::new(arena), window: Deque::new(), before: None, leds }
    }

    /// Takes a reading, for which a timer calls; tells whether that completes a window.
    ///
    /// # Errors
    /// Where the bus fails.
    pub fn sample(&mut self) -> Result<bool, Fault<I::Error>> {
        let reading = self.sensor.read().map_err(Fault::Driver)?;
        // The window has room: `decide` makes some where it is full.
        let _ = self.window.push_back(scaled(reading));
        Ok(self.window.is_full())
    }

    /// Looks at the window that is complete, and shows what it holds.
    ///
    /// # Errors
    /// Where the model or an LED fails.
    pub fn decide(&mut self) -> Result<Decision, Fault<L::Error>> {
        let inputs = self.network.input().iter_mut();
        inputs.zip(self.window.iter().flatten()).for_each(|(input, &value)| *input = value);
        self.network.invoke()?;
        let scores = *self.network.output();
        let best = (0..).zip(scores).max_by_key(|&(_, score)| score);
        let seen = best.filter(|&(_, score)| score >= SEEN).map(|(label, _)| label);
        if seen == self.before {
            for (label, led) in (1..).zip(&mut self.leds) {
                led.set_state((seen == Some(label)).into()).map_err(Fault::Driver)?;
            }
        }
        self.before = seen;
        for _ in 0..HOP {
            self.window.pop_front();
        }
        Ok(Decision { scores, seen })
    }
}
