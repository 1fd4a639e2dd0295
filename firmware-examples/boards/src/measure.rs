//! One inference, counted, as `cargo xtask firmware --bench` reads it.

use crate::ticks::Ticks;

/// What was counted so far.
pub struct Measured {
    ticks: Ticks,
    /// Where the numbers that fill the inputs are: each a step of a linear congruential generator.
    state: u32,
    sum: u32,
    made: u32,
    ran: u32,
}

impl Measured {
    /// Starts to count.
    #[must_use]
    pub fn start() -> Self {
        Self { ticks: Ticks::start(), state: 1, sum: 0x811c_9dc5, made: 0, ran: 0 }
    }

    /// The model can be run.
    pub fn made(&mut self) {
        self.made = self.ticks.lap();
    }

    /// Fills an input with the bytes that the host takes as well.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (self.state >> 24) as u8;
        }
    }

    /// The inference begins.
    pub fn begin(&mut self) {
        self.ticks.lap();
    }

    /// The inference is over.
    pub fn ran(&mut self) {
        self.ran = self.ticks.lap();
    }

    /// An operator has run, alone.
    pub fn step(&mut self) {
        defmt::println!("step {=u32}", self.ticks.lap());
    }

    /// Adds an output to the checksum, FNV-1a of 32 bits.
    pub fn add(&mut self, bytes: &[u8]) {
        self.sum =
            bytes.iter().fold(self.sum, |sum, &byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    }

    /// Prints all.
    pub fn print(&self, arena: usize) {
        let Self { made, ran, sum, .. } = *self;
        defmt::println!("arena {=usize} made {=u32} ran {=u32} sum {=u32}", arena, made, ran, sum);
    }
}
