//! A lamp that swells and fades: a network works out the sine of an angle, PWM shows it.

use embedded_hal::pwm::SetDutyCycle;
use sedge_runtime::arena::Aligned;
use sedge_runtime::{Error, Memory, Model, Options, Session, Weights, op_set};

use crate::Fault;

/// The network: one angle in, its sine out.
pub static MODEL: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../tests/data/sine/sine_int8_tf.tflite"));

/// Bytes of arena that [`Lamp::new`] needs.
pub const ARENA: usize = 2 * 1024;

/// The lamp.
#[derive(Debug)]
pub struct Lamp<'a, P> {
    session: Session<'a>,
    pwm: P,
}

impl<'a, P: SetDutyCycle> Lamp<'a, P> {
    /// A lamp at this PWM channel.
    ///
    /// # Errors
    /// Where the model does not load, for instance because the arena is too small.
    pub fn new(arena: &'a mut [u8], pwm: P) -> Result<Self, Error> {
        let model = Model::check(&MODEL.0)?;
        let options = Options { weights: Weights::InPlace, ..Options::default() };
        let session = Session::with_options(model, op_set![FullyConnected], arena, &options)?;
        Ok(Self { session, pwm })
    }

    /// How much of the arena is used.
    pub fn memory(&self) -> Memory {
        self.session.memory()
    }

    /// Shows the sine of `angle` and returns it. Both are the model's numbers: -128 is an angle of
    /// 0 and 127 one of 2π; the sine's -128 and 127 are nearly -1 and 1.
    ///
    /// # Errors
    /// Where the model or the PWM fails.
    pub fn show(&mut self, angle: i8) -> Result<i8, Fault<P::Error>> {
        self.session.set_input(0, &[angle])?;
        self.session.invoke()?;
        let sine = self.session.output::<i8>(0)?.first().copied().unwrap_or_default();
        // From -128..=127 to 0..=255.
        let brightness = sine.cast_unsigned() ^ 0x80;
        self.pwm.set_duty_cycle_fraction(brightness.into(), u8::MAX.into()).map_err(Fault::Driver)?;
        Ok(sine)
    }
}
