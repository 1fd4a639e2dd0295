//! Filters of float32 signals.

use crate::sys;

/// Second-order sections, one behind the other, of a float32 signal that comes in blocks (transposed direct form II):
///
/// ```text
/// y[n] = b0 * x[n] + d1;  d1 = b1 * x[n] + a1 * y[n] + d2;  d2 = b2 * x[n] + a2 * y[n]
/// ```
///
/// The feedback coefficients have the opposite sign of those that most tools for filter design give.
///
/// Source: `arm_biquad_cascade_df2T_f32` of CMSIS-DSP.
#[derive(Clone, Debug)]
pub struct Biquads<const N: usize> {
    sections: [[f32; 5]; N],
    state: [[f32; 2]; N],
}

impl<const N: usize> Biquads<N> {
    /// Sections of coefficients `[b0, b1, b2, a1, a2]`, at rest; at most 255.
    pub const fn new(sections: [[f32; 5]; N]) -> Self {
        const { assert!(N <= 255, "a cascade has at most 255 sections") };
        Self { sections, state: [[0.0; 2]; N] }
    }

    /// Filters the next block of the signal in place.
    pub fn filter(&mut self, signal: &mut [f32]) {
        // Blocks as long as the length of a call can be.
        for block in signal.chunks_mut(1 << 16) {
            let done = sys::biquads(&self.sections, &mut self.state, block);
            debug_assert!(done.is_some(), "as many states as sections");
        }
    }

    /// Forgets the signal so far.
    pub fn reset(&mut self) {
        self.state = [[0.0; 2]; N];
    }
}
