//! Spectra of real signals.

use sedge_runtime::Element;

/// Numbers behind a signal that a transform may read, and does not use.
pub const SLACK: usize = 8;

/// A number of which CMSIS-DSP transforms `L` at once: int16 (q15), int32 (q31) and float32, of 32 to 4096.
///
/// `X[k] = sum over t of x[t] * exp(-2 pi i k t / L)` for `k = 0..=L / 2`, real and imaginary parts in turn: `L + 2` numbers.
/// Integers are divided by `L` on the way, in steps, so that nothing overflows; float32 is not divided.
///
/// Source: `arm_rfft_q15`, `arm_rfft_q31`, `arm_rfft_fast_f32` of CMSIS-DSP.
pub trait Transform<const L: usize>: Element {
    /// The numbers that an output must have room for; the first `L + 2` are the spectrum.
    const OUTPUTS: usize;

    /// The spectrum of the first `L` numbers of `from` into `to`. `from` has [`SLACK`] more and is overwritten.
    /// `None` where either is shorter than that.
    fn transform(from: &mut [Self], to: &mut [Self]) -> Option<()>;
}
