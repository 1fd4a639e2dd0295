//! Virtual devices: QEMU's boards have no PWM, microphone or LEDs, so these print what the real ones
//! would do. On your board, put its drivers in their place.

use core::convert::Infallible;

use app::keywords::{Block, Microphone};
use app::person::Camera;
use embedded_hal::digital::{self, OutputPin};
use embedded_hal::i2c::{self, I2c, NoAcknowledgeSource, Operation};
use embedded_hal::pwm::{self, SetDutyCycle};

/// A PWM channel that prints its duty cycle.
#[derive(Debug)]
pub struct Pwm;

impl pwm::ErrorType for Pwm {
    type Error = Infallible;
}

impl SetDutyCycle for Pwm {
    fn max_duty_cycle(&self) -> u16 {
        1000
    }

    fn set_duty_cycle(&mut self, duty: u16) -> Result<(), Infallible> {
        defmt::println!("pwm {=u16}/1000", duty);
        Ok(())
    }
}

/// An LED that prints when it changes.
#[derive(Debug)]
pub struct Led {
    name: &'static str,
    on: bool,
}

impl Led {
    /// An LED that is off.
    pub const fn new(name: &'static str) -> Self {
        Self { name, on: false }
    }
}

impl digital::ErrorType for Led {
    type Error = Infallible;
}

impl OutputPin for Led {
    fn set_low(&mut self) -> Result<(), Infallible> {
        if core::mem::replace(&mut self.on, false) {
            defmt::println!("led {=str} off", self.name);
        }
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        if !core::mem::replace(&mut self.on, true) {
            defmt::println!("led {=str} on", self.name);
        }
        Ok(())
    }
}

/// A microphone that hears a recording.
#[derive(Debug)]
pub struct Recording {
    rest: &'static [u8],
}

impl Recording {
    /// The samples in `bytes`, 16 bits each, low byte first.
    pub const fn new(bytes: &'static [u8]) -> Self {
        Self { rest: bytes }
    }
}

/// The recording is over.
#[derive(Clone, Copy, Debug, defmt::Format)]
pub struct Over;

impl Microphone for Recording {
    type Error = Over;

    fn read(&mut self, block: &mut Block) -> nb::Result<(), Over> {
        let (samples, rest) = self.rest.split_at_checked(2 * block.len()).ok_or(Over)?;
        self.rest = rest;
        for (to, &from) in block.iter_mut().zip(samples.as_chunks().0) {
            *to = i16::from_le_bytes(from);
        }
        Ok(())
    }
}

/// A camera that sees pictures one after the other.
#[derive(Debug)]
pub struct Album {
    rest: &'static [u8],
}

impl Album {
    /// The pictures in `bytes`, each as large as what is asked for.
    pub const fn new(bytes: &'static [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl Camera for Album {
    type Error = Over;

    fn read(&mut self, frame: &mut [u8]) -> nb::Result<(), Over> {
        let (picture, rest) = self.rest.split_at_checked(frame.len()).ok_or(Over)?;
        self.rest = rest;
        frame.copy_from_slice(picture);
        Ok(())
    }
}

/// A bus with a sensor that plays six bytes each time it is read; afterwards nobody answers.
#[derive(Debug)]
pub struct I2cRecording {
    rest: &'static [u8],
}

impl I2cRecording {
    /// The readings in `bytes`.
    pub const fn new(bytes: &'static [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl i2c::ErrorType for I2cRecording {
    type Error = i2c::ErrorKind;
}

impl I2c for I2cRecording {
    fn transaction(&mut self, _address: u8, operations: &mut [Operation<'_>]) -> Result<(), i2c::ErrorKind> {
        for operation in operations {
            if let Operation::Read(buffer) = operation {
                let over = i2c::ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);
                let (reading, rest) = self.rest.split_at_checked(buffer.len()).ok_or(over)?;
                buffer.copy_from_slice(reading);
                self.rest = rest;
            }
        }
        Ok(())
    }
}
