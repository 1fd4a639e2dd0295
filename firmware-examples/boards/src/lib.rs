//! What the programs share: how they start and end, and the devices that QEMU's boards lack.

#![no_std]
#![cfg(target_os = "none")]

pub mod devices;
pub mod measure;
pub mod ticks;

use defmt_semihosting as _;
use portable_atomic as _;
use semihosting::process;

#[cfg(target_arch = "arm")]
use cortex_m as _;
#[cfg(target_arch = "arm")]
pub use cortex_m_rt::entry;
#[cfg(target_arch = "riscv32")]
use riscv as _;
#[cfg(target_arch = "riscv32")]
pub use riscv_rt::entry;

/// Logs how much of an arena of `size` bytes is used.
pub fn log_arena(used: usize, size: usize) {
    defmt::info!("arena: {=usize} of {=usize} bytes", used, size);
}

/// Ends the program, and QEMU with it.
pub fn end<E: defmt::Format>(result: Result<(), E>) -> ! {
    match result {
        Ok(()) => process::exit(0),
        Err(error) => {
            defmt::error!("{}", error);
            process::exit(1)
        }
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    match info.location() {
        Some(at) => defmt::error!("panic at {=str}:{=u32}", at.file(), at.line()),
        None => defmt::error!("panic"),
    }
    process::exit(101)
}
