//! A warning lamp for a machine: an accelerometer feels how it vibrates, and a network that has only seen its good days tells
//! how unusual that is.
//!
//! ```text
//! sensor --I2C, 1344 times a second--> window of 256 --> octaves of each axis --> autoencoder --> error --> lamp
//! ```
//!
//! An autoencoder gives back what it is given, through a layer too narrow for anything that it has not learned. What it gets
//! wrong is what it does not know. The octaves are those of `tests/data/vibration/features.py`, bit for bit. The network is
//! compiled into the program.

use embedded_hal::digital::OutputPin;
use embedded_hal::i2c::I2c;
use sedge_runtime::Affine;
use sedge_runtime::compiled::Port;

use crate::Fault;
use crate::accelerometer::{Accelerometer, Reading};

/// The network: the octaves of three axes in and out.
mod network {
    sedge_macros::include_model!("../../../tests/data/vibration/vibration_int8_tf.tflite");
}

pub use network::{ARENA_SIZE, Arena};

/// The readings of a window.
pub const WINDOW: usize = 256;

/// The octaves of an axis.
const LEVELS: usize = 6;

/// The network's inputs: the octaves of x, of y, of z, each from the highest on.
const INPUTS: usize = 3 * LEVELS;

/// The error from which on a window is unusual (`tests/data/vibration/threshold.txt`).
pub const THRESHOLD: u32 = 63;

/// What brings the network's outputs to the scale of its inputs, in 1/65536, and their zero point.
const OUTPUT: (i32, i32) = match network::Model::OUTPUTS {
    [Port { quantization: Some(Affine { scale, zero_point }), .. }] => {
        ((*scale * 16.0 * 65536.0 + 0.5) as i32, *zero_point)
    }
    _ => panic!("the network has one output with one scale"),
};

/// The logarithm to base 2 of `energy + 1`, in eighths, less 128.
fn octave(energy: u64) -> i8 {
    let energy = u32::try_from(energy.saturating_add(1)).unwrap_or(u32::MAX);
    let whole = energy.checked_ilog2().unwrap_or(0);
    let eighths = (u64::from(energy) << 3 >> whole) as u32 & 7;
    // At most 8 * 31 + 7.
    (8 * whole + eighths) as u8 as i8 ^ i8::MIN
}

/// The octaves of one axis.
fn octaves(mut values: [i32; WINDOW]) -> [i8; LEVELS] {
    let mean = values.iter().sum::<i32>() >> 8;
    values.iter_mut().for_each(|value| *value -= mean);
    let mut found = [0; LEVELS];
    let mut length = WINDOW;
    for octave_of_axis in &mut found {
        length /= 2;
        let mut energy = 0u64;
        for k in 0..length {
            let pair = values.get(2 * k..).and_then(|rest| rest.first_chunk());
            let &[a, b] = pair.unwrap_or(&[0; 2]);
            energy += i64::from(a - b).unsigned_abs().pow(2);
            if let Some(average) = values.get_mut(k) {
                *average = (a + b) >> 1;
            }
        }
        *octave_of_axis = octave(energy >> length.ilog2());
    }
    found
}

/// How unusual a window is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What the network was given.
    pub given: [i8; INPUTS],
    /// What it gave back, in its own numbers.
    pub made: [i8; INPUTS],
    /// The mean squared error, in squared eighths of an octave.
    pub error: u32,
}

impl Decision {
    fn new(given: [i8; INPUTS], made: [i8; INPUTS]) -> Self {
        let (factor, zero) = OUTPUT;
        // In 1/256 of the inputs' steps.
        let difference = |given: i8, made: i8| {
            let made = i64::from(i32::from(made) - zero) * i64::from(factor);
            (i64::from(given) << 8) - (made >> 8)
        };
        let pairs = given.iter().zip(&made);
        let squares: u64 = pairs.map(|(&given, &made)| difference(given, made).unsigned_abs().pow(2)).sum();
        let error = (squares / INPUTS as u64) >> 16;
        Self { given, made, error: u32::try_from(error).unwrap_or(u32::MAX) }
    }

    /// Whether the machine should be looked at.
    pub fn is_unusual(&self) -> bool {
        self.error >= THRESHOLD
    }
}

/// Feels the machine, and lights the lamp.
pub struct Watch<'a, I, L> {
    sensor: Accelerometer<I>,
    network: network::Model<'a>,
    window: [Reading; WINDOW],
    lamp: L,
}

impl<'a, I: I2c, L: OutputPin> Watch<'a, I, L> {
    /// A watch whose sensor measures 1,344 times a second.
    pub fn new(arena: &'a mut Arena, sensor: Accelerometer<I>, lamp: L) -> Self {
        Self { sensor, network: network::Model::new(arena), window: [[0; 3]; WINDOW], lamp }
    }

    /// Takes a window of readings; each waits for the sensor's next one, which its data-ready pin announces.
    ///
    /// # Errors
    /// Where the bus fails.
    pub fn measure(&mut self, mut wait: impl FnMut()) -> Result<(), Fault<I::Error>> {
        for reading in &mut self.window {
            wait();
            *reading = self.sensor.read().map_err(Fault::Driver)?;
        }
        Ok(())
    }

    /// Tells how unusual the window is; the lamp is on while it is.
    ///
    /// # Errors
    /// Where the model or the lamp fails.
    pub fn decide(&mut self) -> Result<Decision, Fault<L::Error>> {
        let mut given = [0; INPUTS];
        for (axis, octaves_of_axis) in given.as_chunks_mut::<LEVELS>().0.iter_mut().enumerate() {
            let value = |reading: Reading| reading.get(axis).copied().unwrap_or(0).into();
            *octaves_of_axis = octaves(self.window.map(value));
        }
        *self.network.input() = given;
        self.network.invoke()?;
        let decision = Decision::new(given, *self.network.output());
        self.lamp.set_state(decision.is_unusual().into()).map_err(Fault::Driver)?;
        Ok(decision)
    }
}
