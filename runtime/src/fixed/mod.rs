//! Fixed-point arithmetic: the one rounding rule of all integer kernels.
//!
//! A real factor `d` becomes a [`Multiplier`] `q * 2^(shift - 31)`. Applying it rounds twice, as
//! tflite-micro's reference kernels and CMSIS-NN do: the doubling high product rounds to nearest
//! (halves up), the division by a power of two that follows rounds to nearest (halves away from
//! zero). Sources: gemmlowp's `fixedpoint.h`, tflite's `quantization_util.cc`.

mod exp;
mod log;
mod root;
mod table;

use bytemuck::{Pod, Zeroable};

pub use exp::{Narrow, Wide, Width, exp_of_negative, logistic, reciprocal, tanh};
pub use log::log_of_sum;
pub use root::inverse_root;
pub use table::Interpolated;

/// A non-negative real factor as a Q31 number and a power of two, `q * 2^(shift - 31)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Multiplier {
    /// In `[2^30, 2^31)`, or 0.
    pub q: i32,
    /// In `[-31, 30]`; positive shifts to the left.
    pub shift: i32,
}

impl Multiplier {
    /// The factor 1.
    pub const ONE: Self = Self { q: 1 << 30, shift: 1 };

    /// The factor 0.
    pub const ZERO: Self = Self { q: 0, shift: 0 };

    /// The multiplier nearest to `real`, which must be finite and not negative (others give 0).
    ///
    /// `real = f * 2^shift` with `f` in `[1/2, 1)`, `q = round(f * 2^31)`, halves away from zero; a
    /// `q` of `2^31` becomes half of it with the shift one larger. What a shift of -31 cannot express
    /// is 0, what a shift of 30 cannot express is the largest multiplier.
    pub fn from_real(real: f64) -> Self {
        if !(real > 0.0 && real.is_finite()) {
            return Self::ZERO;
        }
        let (fraction, mut shift) = libm::frexp(real);
        let mut q = libm::round(fraction * (1i64 << 31) as f64) as i64;
        if q == 1 << 31 {
            q /= 2;
            shift += 1;
        }
        match shift {
            ..-31 => Self::ZERO,
            31.. => Self { q: i32::MAX, shift: 30 },
            _ => Self { q: q as i32, shift },
        }
    }

    /// The factor made ready for many sums.
    #[inline]
    pub fn scaler(self) -> Scaler {
        let (left, right) = (self.shift.max(0) as u32, self.shift.min(0).wrapping_neg() as u32);
        Scaler { q: self.q, left, right, mask: below(right) }
    }

    /// `x` times the factor, rounded twice.
    #[inline]
    pub fn apply(self, x: i32) -> i32 {
        self.scaler().apply(x)
    }

    /// The factor for 64-bit sums: `q` reduced to 16 bits, and a shift to the right.
    #[inline]
    pub fn reduced(self) -> (i32, u32) {
        let reduced = if self.q < 0x7fff_0000 { (self.q + (1 << 15)) >> 16 } else { 0x7fff };
        (reduced, (15 - self.shift) as u32)
    }

    /// `x` times the factor for 64-bit sums (16x8 kernels): the multiplier reduced to 16 bits, one
    /// rounding, halves up.
    #[inline]
    pub fn apply_i64(self, x: i64) -> i32 {
        let (reduced, shift) = self.reduced();
        let product = x.wrapping_mul(reduced.into()).wrapping_add(1i64.wrapping_shl(shift.wrapping_sub(1)));
        product.wrapping_shr(shift) as i32
    }
}

/// A [`Multiplier`] whose shifts are worked out.
#[derive(Clone, Copy, Debug)]
pub struct Scaler {
    q: i32,
    left: u32,
    right: u32,
    /// The bits below `2^right`.
    mask: i32,
}

impl Scaler {
    /// As [`Multiplier::apply`].
    #[inline(always)]
    pub fn apply(self, x: i32) -> i32 {
        rounding_shift(high_product(x.wrapping_shl(self.left), self.q), self.right, self.mask)
    }
}

/// `round(a * b / 2^31)`, halves up, where not both are `i32::MIN`: a multiplier's `q` never is.
#[inline(always)]
fn high_product(a: i32, b: i32) -> i32 {
    ((i64::from(a) * i64::from(b) + (1 << 30)) >> 31) as i32
}

/// `round(a * b / 2^31)`, halves up; `i32::MIN` squared saturates to `i32::MAX`.
#[inline]
pub fn doubling_high_mul(a: i32, b: i32) -> i32 {
    if a == i32::MIN && b == i32::MIN {
        return i32::MAX;
    }
    high_product(a, b)
}

/// `round(x / 2^shift)`, halves away from zero, for shifts in `0..=31`.
#[inline]
pub fn rounding_shift_right(x: i32, shift: u32) -> i32 {
    rounding_shift(x, shift, below(shift))
}

/// The bits below `2^shift`, for shifts in `0..=31`.
#[inline]
fn below(shift: u32) -> i32 {
    1u32.wrapping_shl(shift).wrapping_sub(1) as i32
}

/// [`rounding_shift_right`], given the bits below `2^shift`.
#[inline]
fn rounding_shift(x: i32, shift: u32, mask: i32) -> i32 {
    // A remainder of a shift by 31 can use all bits below the sign.
    let remainder = x & mask;
    let threshold = (mask >> 1) + i32::from(x < 0);
    x.wrapping_shr(shift) + i32::from(remainder > threshold)
}

/// `x * 2^shift`, saturating.
#[inline]
pub fn saturating_shift_left(x: i32, shift: u32) -> i32 {
    (i64::from(x) << shift).clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

/// The largest distance from zero whose product with the factor `real` still fits a fixed-point
/// number with `integer_bits`, as tflite bounds the inputs of its exponential functions:
/// `floor((2^integer_bits - 1) * 2^(31 - integer_bits) / 2^e)` for `real = f * 2^e`, `f` in `[1/2, 1)`.
pub fn input_radius(real: f64, integer_bits: u32) -> i32 {
    let (_, exponent) = libm::frexp(real);
    let most = (1u32 << 31) - (1 << (31 - integer_bits));
    libm::floor(libm::ldexp(most.into(), -exponent)) as i32
}

/// `round(x)`, halves away from zero, as an integer clamped to `i32`; 0 for what is no number.
#[inline]
pub fn round(x: f32) -> i32 {
    libm::roundf(x) as i32
}

/// The quantized interval that a real interval clamps to, within `low..=high`:
/// `zero_point + round(real / scale)` at both ends; infinite ends do not clamp.
pub fn quantized_range(real: (f32, f32), scale: f32, zero_point: i32, low: i32, high: i32) -> (i32, i32) {
    let quantize = |x: f32| zero_point.saturating_add(round(x / scale));
    let min = if real.0.is_finite() { quantize(real.0).max(low) } else { low };
    let max = if real.1.is_finite() { quantize(real.1).min(high) } else { high };
    (min, max)
}

#[cfg(test)]
mod tests {
    use super::{Multiplier, doubling_high_mul, rounding_shift_right};

    #[test]
    fn multipliers_of_known_factors() {
        assert_eq!(Multiplier::from_real(0.5), Multiplier { q: 1 << 30, shift: 0 });
        assert_eq!(Multiplier::from_real(1.0), Multiplier { q: 1 << 30, shift: 1 });
        // The fraction rounds up to 1: half of it, with one more shift.
        assert_eq!(Multiplier::from_real(1.0 - 1e-12), Multiplier { q: 1 << 30, shift: 1 });
        assert_eq!(Multiplier::from_real(0.75 * 2f64.powi(-31)), Multiplier { q: 3 << 29, shift: -31 });
        assert_eq!(Multiplier::from_real(2f64.powi(-40)), Multiplier::ZERO);
        assert_eq!(Multiplier::from_real(f64::NAN), Multiplier::ZERO);
    }

    #[test]
    fn halves_round_as_the_rule_says() {
        // The high product rounds halves up ...
        assert_eq!(doubling_high_mul(1, 1 << 30), 1);
        assert_eq!(doubling_high_mul(-1, 1 << 30), 0);
        assert_eq!(doubling_high_mul(i32::MIN, i32::MIN), i32::MAX);
        // ... the division rounds them away from zero.
        assert_eq!(rounding_shift_right(6, 2), 2);
        assert_eq!(rounding_shift_right(-6, 2), -2);
        assert_eq!(rounding_shift_right(-5, 2), -1);
        assert_eq!(rounding_shift_right(i32::MIN, 31), -1);
        assert_eq!(rounding_shift_right(i32::MAX, 31), 1);
        assert_eq!(rounding_shift_right(7, 0), 7);
    }

    #[test]
    fn applying_rounds_twice() {
        // 5 * 0.1: the high product of 5 and 0.8 is 4, an eighth of it is a half, which goes up.
        assert_eq!(Multiplier::from_real(0.1).apply(5), 1);
        assert_eq!(Multiplier::from_real(0.1).apply(-5), -1);
        assert_eq!(Multiplier::from_real(3.0).apply(-7), -21);
    }
}
