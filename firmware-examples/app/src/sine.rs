//! A lamp that swells and fades: a network works out the sine of an angle, PWM shows it.
//!
//! The network is compiled into the program.

use embedded_hal::pwm::SetDutyCycle;

use crate::Fault;

/// The network: one angle in, its sine out.
mod network {
    sedge_macros::include_model!("../../../tests/data/sine/sine_int8_tf.tflite");
}

pub use network::{ARENA_SIZE, Arena};

/// The lamp.
#[derive(Debug)]
pub struct Lamp<'a, P> {
    network: network::Model<'a>,
    pwm: P,
}

impl<'a, P: SetDutyCycle> Lamp<'a, P> {
    /// A lamp at this PWM channel.
    pub fn new(arena: &'a mut Arena, pwm: P) -> Self {
        Self { network: network::Model::new(arena), pwm }
    }

    /// Shows the sine of `angle` and returns it. Both are the model's numbers: -128 is an angle of
    /// 0 and 127 one of 2π; the sine's -128 and 127 are nearly -1 and 1.
    ///
    /// # Errors
    /// Where the model or the PWM fails.
    pub fn show(&mut self, angle: i8) -> Result<i8, Fault<P::Error>> {
        *self.network.input() = [angle];
        self.network.invoke()?;
        let [sine] = *self.network.output();
        // From -128..=127 to 0..=255.
        let brightness = sine.cast_unsigned() ^ 0x80;
        self.pwm.set_duty_cycle_fraction(brightness.into(), u8::MAX.into()).map_err(Fault::Driver)?;
        Ok(sine)
    }
}
