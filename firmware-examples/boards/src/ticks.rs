//! Counting what a piece of a program takes: the processor's cycles on a board; on QEMU, told to let each instruction
//! take a nanosecond, its instructions.

/// A count that runs.
pub struct Ticks {
    #[cfg(target_arch = "arm")]
    timer: cortex_m::peripheral::SYST,
    last: u32,
}

#[cfg(target_arch = "arm")]
impl Ticks {
    /// Starts the system timer, which counts 24 bits of the processor's clock down.
    ///
    /// # Panics
    /// Where the timer is taken already.
    #[must_use]
    pub fn start() -> Self {
        let mut timer = cortex_m::Peripherals::take().expect("nobody else takes the timer").SYST;
        timer.set_clock_source(cortex_m::peripheral::syst::SystClkSource::Core);
        timer.set_reload(0x00ff_ffff);
        timer.clear_current();
        timer.enable_counter();
        let last = cortex_m::peripheral::SYST::get_current();
        Self { timer, last }
    }

    /// Ticks since the last call; the largest number where they were too many to count.
    pub fn lap(&mut self) -> u32 {
        let now = cortex_m::peripheral::SYST::get_current();
        let passed = self.last.wrapping_sub(now) & 0x00ff_ffff;
        // Counted through zero though it stands below: more than once around.
        let too_many = self.timer.has_wrapped() && now <= self.last;
        self.last = now;
        if too_many { u32::MAX } else { passed }
    }
}

#[cfg(target_arch = "riscv32")]
impl Ticks {
    /// Counts the instructions that the processor has retired.
    #[must_use]
    pub fn start() -> Self {
        Self { last: riscv::register::minstret::read() as u32 }
    }

    /// Instructions since the last call.
    pub fn lap(&mut self) -> u32 {
        let now = riscv::register::minstret::read() as u32;
        let passed = now.wrapping_sub(self.last);
        self.last = now;
        passed
    }
}
