//! Arm's [CMSIS-DSP](https://arm-software.github.io/CMSIS-DSP/latest/) for Sedge: spectra of real signals, filters and
//! matrix-vector products of floats, and a kernel made of them.
//!
//! ```text
//! CMSIS-DSP's sources (CMSIS_DSP) --clang--> its functions --bindgen--> sys, the only unsafe code
//!     --> spectrum, filter, matrix --> SignalRfft, a kernel that an op_set! names
//! ```
//!
//! The build needs clang and libclang, and the environment variable `CMSIS_DSP` with the folder of CMSIS-DSP's sources (`Include`,
//! `Source`): a checkout of its repository, or what `cargo xtask cmsis` fetches. Functions that nobody calls, and the tables of other
//! lengths, are not linked.
//!
//! **Bits.** Sedge's own `SignalRfft` has the bits of tflite-micro's reference. CMSIS-DSP rounds in other places, so its int16 and
//! int32 spectra differ from that in the last bits (as float spectra do): it is a choice that a program makes by name, for its front
//! end, and none that a build flag makes for it.

#![no_std]

pub mod filter;
mod kernel;
pub mod matrix;
pub mod spectrum;
#[allow(unsafe_code)]
mod sys;

pub use kernel::SignalRfft;
