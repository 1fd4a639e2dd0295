//! int8 layers for processors without vectors, with weights read as they lie in flash: sums of products, and what makes
//! outputs of them.
//!
//! ```text
//! CONV_2D             windows --widen--> two rows of x  --convolve-->  outputs of all filters at two positions
//! DEPTHWISE_CONV_2D   pixels under the window           --depthwise--> outputs of all channels at a position
//! FULLY_CONNECTED     a row                             --connect-->   outputs of all units
//! ADD                 two rows                          --sums-->      a row
//! ```
//!
//! Several sums run at once, so that what is loaded is used more than once. On Cortex-M4 and M7, and on an M33 that is built
//! for (`--cfg sedge_dsp`), most of it is done by the DSP instructions ([`dsp`](crate::dsp)), two products each; other
//! processors get plain ones. Sums wrap.

mod add;
mod connect;
mod convolve;
mod depthwise;
#[cfg(test)]
mod tests;

pub use add::Addends;
pub use connect::connect;
pub use convolve::{IN_BYTES, POSITIONS, Pieces, clear, convolve, pointwise, widen, widen_pieces};
pub use depthwise::{Taps, depthwise};

/// Filters of a layer, or units, or channels: what their sums start from, and what makes outputs of these.
///
/// An output is `clamp(round(round(sum * q / 2^31) * 2^shift) + zero)`: the high product rounds halves up, the shift halves
/// away from zero, which is the rule of all of Sedge's integer kernels.
#[derive(Clone, Copy, Debug)]
pub struct Filters<'f> {
    /// The weights of one filter after the other; of a depthwise convolution those of all channels for a cell of the
    /// window, cell after cell.
    pub weights: &'f [i8],
    /// What sums start from, one for each filter; none for 0.
    pub bias: &'f [i32],
    /// The multipliers, one for each filter or one for all.
    pub q: &'f [i32],
    /// Their shifts, likewise, from [`Filters::LEAST_SHIFT`] to 0.
    pub shift: &'f [i8],
    /// Added to each input: the negative zero point, so that together with any int8 it fits 16 bits.
    pub offset: i32,
    /// The zero point of outputs.
    pub zero: i8,
    /// The least and the largest output.
    pub range: [i8; 2],
}

impl Filters<'_> {
    /// Sums must be nearer to 0 than this one: for others, outputs are wrong.
    pub const MOST_SUM: i32 = 1 << 29;
    /// The least shift.
    pub const LEAST_SHIFT: i8 = -22;

    /// Whether there are constants for `count` filters.
    fn has(&self, count: usize) -> bool {
        let has = |len: usize| len == 1 || len >= count;
        (self.bias.is_empty() || self.bias.len() >= count) && has(self.q.len()) && has(self.shift.len())
    }

    /// What the sums of filter `f` start from.
    #[inline(always)]
    fn start(&self, f: usize) -> i32 {
        self.bias.get(f).copied().unwrap_or(0)
    }

    /// The output of filter `f` for its sum.
    #[inline(always)]
    fn finish(&self, f: usize, sum: i32) -> i8 {
        let at = if self.q.len() == 1 { 0 } else { f };
        let q = self.q.get(at).copied().unwrap_or(0);
        let right = self.shift.get(if self.shift.len() == 1 { 0 } else { f }).map_or(0, |s| s.unsigned_abs());
        let [min, max] = self.range;
        scaled(sum, q, right.into(), self.zero.into()).max(min.into()).min(max.into()) as i8
    }
}

/// `round(round(x * q / 2^31) / 2^right) + zero`: the high product rounds halves up, the shift halves away from zero.
#[inline(always)]
fn scaled(x: i32, q: i32, right: u32, zero: i32) -> i32 {
    let product = high_product(x, q);
    // Twice what is wanted, so that the half has a place; one less of it for negative numbers. The zero point is added
    // before the shift takes place.
    let half = (2 * zero + 1).wrapping_shl(right);
    let doubled = product.wrapping_mul(2).wrapping_add(half).wrapping_add(product >> 31);
    doubled.wrapping_shr(right).wrapping_shr(1)
}

/// `round(a * q / 2^31)`, halves up, for a `q` that is not negative.
#[cfg(not(sedge_m0))]
#[inline(always)]
fn high_product(a: i32, q: i32) -> i32 {
    ((i64::from(a) * i64::from(q) + (1 << 30)) >> 31) as i32
}

/// `round(a * q / 2^31)`, halves up, for a `q` that is not negative: by products of 16 bits each.
#[cfg(any(sedge_m0, test))]
#[cfg_attr(not(sedge_m0), allow(dead_code))]
#[inline(always)]
fn high_product_of_halves(a: i32, q: i32) -> i32 {
    let (a_high, a_low) = (a >> 16, a as u32 & 0xffff);
    let (q_high, q_low) = (q as u32 >> 16, q as u32 & 0xffff);
    let low = a_low.wrapping_mul(q_low);
    let middle = a_high.wrapping_mul(q_low as i32).wrapping_add((low >> 16) as i32);
    let other = a_low.wrapping_mul(q_high).wrapping_add(middle as u32 & 0xffff);
    let high =
        a_high.wrapping_mul(q_high as i32).wrapping_add(middle >> 16).wrapping_add((other >> 16) as i32);
    // `high * 2^32 + (other << 16) + ...`: its bits 31 and 30 are those of `other << 16`.
    high.wrapping_mul(2).wrapping_add((other >> 15 & 1) as i32).wrapping_add((other >> 14 & 1) as i32)
}

#[cfg(sedge_m0)]
use high_product_of_halves as high_product;
