//! A driver of ST's accelerometer LIS3DH on an I2C bus.

use embedded_hal::i2c::I2c;

/// How often the sensor measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// 50 readings a second.
    Hz50,
    /// 1,344 readings a second.
    Hz1344,
}

/// The acceleration along x, y and z; 8192 is 1 g.
pub type Reading = [i16; 3];

/// An LIS3DH, set to ±4 g.
#[derive(Debug)]
pub struct Accelerometer<I> {
    i2c: I,
}

impl<I: I2c> Accelerometer<I> {
    /// The sensor's address on the bus, with its pin SA0 low.
    pub const ADDRESS: u8 = 0x18;
    /// CTRL_REG1, which holds the rate, and switches the axes on.
    const CTRL_REG1: u8 = 0x20;
    /// CTRL_REG4: ±4 g, high resolution; a value is not changed while it is read.
    const RANGE: [u8; 2] = [0x23, 0x98];
    /// OUT_X_L and, one after the other, the five registers behind it.
    const VALUES: u8 = 0x28 | 0x80;

    /// Sets the sensor on this bus up.
    ///
    /// # Errors
    /// Where the bus fails.
    pub fn new(mut i2c: I, rate: Rate) -> Result<Self, I::Error> {
        let rate = match rate {
            Rate::Hz50 => 0x47,
            Rate::Hz1344 => 0x97,
        };
        i2c.write(Self::ADDRESS, &[Self::CTRL_REG1, rate])?;
        i2c.write(Self::ADDRESS, &Self::RANGE)?;
        Ok(Self { i2c })
    }

    /// What the sensor measured last.
    ///
    /// # Errors
    /// Where the bus fails.
    pub fn read(&mut self) -> Result<Reading, I::Error> {
        let mut bytes = [0; 6];
        self.i2c.write_read(Self::ADDRESS, &[Self::VALUES], &mut bytes)?;
        let [xl, xh, yl, yh, zl, zh] = bytes;
        Ok([[xl, xh], [yl, yh], [zl, zh]].map(i16::from_le_bytes))
    }
}
