//! Exponential functions on 32-bit fixed-point numbers, bit by bit as gemmlowp has them.
//!
//! `Qn` is a number with `n` integer bits beside the sign and `31 - n` fraction bits, so its product
//! with a `Qm`, by [`doubling_high_mul`], is a `Q(n + m)`. Source: gemmlowp's `fixedpoint.h`.

use super::{doubling_high_mul, rounding_shift_right};

/// How wide numbers are. Both widths are computed in 32 bits, with the roundings of their own.
pub trait Width {
    /// Bits beside the sign.
    const BITS: u32;

    /// The product of two numbers, rounded.
    fn mul(a: i32, b: i32) -> i32;

    /// `x`, clamped to this width.
    fn saturate(x: i64) -> i32;

    /// As near to 1 as a `Q0` gets.
    const ONE: i32 = ((1u32 << Self::BITS) - 1) as i32;

    /// A constant of 32 bits in this width.
    #[inline(always)]
    fn constant(q31: i32) -> i32 {
        rounding_shift_right(q31, 31 - Self::BITS)
    }
}

/// Numbers of 32 bits.
#[derive(Clone, Copy, Debug)]
pub struct Wide;

impl Width for Wide {
    const BITS: u32 = 31;

    #[inline(always)]
    fn mul(a: i32, b: i32) -> i32 {
        doubling_high_mul(a, b)
    }

    #[inline(always)]
    fn saturate(x: i64) -> i32 {
        x.clamp(i32::MIN.into(), i32::MAX.into()) as i32
    }
}

/// Numbers of 16 bits. A product rounds halves away from zero.
#[derive(Clone, Copy, Debug)]
pub struct Narrow;

impl Width for Narrow {
    const BITS: u32 = 15;

    #[inline(always)]
    fn mul(a: i32, b: i32) -> i32 {
        let product = a.wrapping_mul(b);
        let nudge = if product >= 0 { 1 << 14 } else { 1 - (1 << 14) };
        (product.wrapping_add(nudge) / (1 << 15)).min(i16::MAX.into())
    }

    #[inline(always)]
    fn saturate(x: i64) -> i32 {
        x.clamp(i16::MIN.into(), i16::MAX.into()) as i32
    }
}

/// `x * 2^shift`, clamped to the width.
#[inline(always)]
fn shift_left<W: Width>(x: i32, shift: u32) -> i32 {
    W::saturate(i64::from(x) << shift)
}

/// `exp(x)` as a `Q0` for `x <= 0`, a `Qn` with `n = integer_bits` in `1..=7`.
///
/// `x` is the sum of a part in `[-1/4, 0)`, whose exponential is a Taylor polynomial, and of negative
/// powers of two, each of which contributes a factor; below -32 it is 0.
#[inline]
pub fn exp_of_negative<W: Width>(x: i32, integer_bits: u32) -> i32 {
    if x == 0 {
        return W::ONE;
    }
    let fraction_bits = W::BITS - integer_bits;
    if integer_bits > 5 && x < -(32 << fraction_bits) {
        return 0;
    }
    let quarter = 1 << (fraction_bits - 2);
    let part = (x & (quarter - 1)) - quarter;
    let rest = part.wrapping_sub(x);
    // exp(-1/4), exp(-1/2), ..., exp(-16) as Q0.
    const FACTORS: [i32; 7] = [1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242];
    let bits = fraction_bits - 2..W::BITS;
    bits.zip(FACTORS).fold(exp_of_last_quarter::<W>(part << integer_bits), |result, (bit, factor)| {
        if rest & (1 << bit) != 0 { W::mul(result, W::constant(factor)) } else { result }
    })
}

/// `exp(x)` for `x` in `[-1/4, 0)`, both `Q0`: the Taylor polynomial of degree 4 around -1/8.
#[inline]
fn exp_of_last_quarter<W: Width>(x: i32) -> i32 {
    // exp(-1/8), a third and an eighth.
    let [centre, third, eighth] = [1895147668, 715827883, 1 << 28].map(W::constant);
    let x = x + eighth;
    let square = W::mul(x, x);
    let cube = W::mul(square, x);
    let fourth = W::mul(square, square);
    // x^2/2 + x^3/6 + x^4/24 = ((x^4/4 + x^3)/3 + x^2)/2
    let thirds = W::mul(rounding_shift_right(fourth, 2) + cube, third);
    let above_linear = rounding_shift_right(thirds + square, 1);
    W::saturate(i64::from(centre) + i64::from(W::mul(centre, x + above_linear)))
}

/// `2 / (1 + x)` as a `Q2` for `x` in `[0, 1)`, a `Q0`: three steps of Newton's division.
#[inline]
fn two_over_one_plus<W: Width>(x: i32) -> i32 {
    // 48/17 and -32/17 as Q2.
    let start = [1515870810, -1010580540].map(W::constant);
    let half_denominator = ((i64::from(x) + i64::from(W::ONE) + 1) / 2) as i32;
    let first = start[0].wrapping_add(W::mul(half_denominator, start[1]));
    (0..3).fold(first, |y, _| {
        let error = one_q2::<W>().wrapping_sub(W::mul(half_denominator, y));
        y.wrapping_add(shift_left::<W>(W::mul(y, error), 2))
    })
}

/// 1 as a `Q2`.
#[inline(always)]
fn one_q2<W: Width>() -> i32 {
    1 << (W::BITS - 2)
}

/// `1 / (1 + x)` for `x` in `[0, 1)`, both `Q0`.
#[inline]
pub(super) fn one_over_one_plus<W: Width>(x: i32) -> i32 {
    shift_left::<W>(two_over_one_plus::<W>(x), 1)
}

/// `1 / (1 + exp(-x))` as a `Q0`, for `x` a `Qn` with `n = integer_bits` in `1..=7`.
pub fn logistic<W: Width>(x: i32, integer_bits: u32) -> i32 {
    let of_distance =
        || one_over_one_plus::<W>(exp_of_negative::<W>(x.wrapping_abs().wrapping_neg(), integer_bits));
    match x {
        0 => 1 << (W::BITS - 1),
        1.. => of_distance(),
        _ => W::ONE - of_distance(),
    }
}

/// `tanh(x)` as a `Q0`, for `x` a `Qn` with `n = integer_bits` in `0..=6`:
/// `(1 - exp(-2x)) / (1 + exp(-2x))`, for `x > 0`.
pub fn tanh<W: Width>(x: i32, integer_bits: u32) -> i32 {
    if x == 0 {
        return 0;
    }
    // The same bits with one more integer bit are twice the number.
    let exp = exp_of_negative::<W>(x.wrapping_abs().wrapping_neg(), integer_bits + 1);
    let of_distance = shift_left::<W>(two_over_one_plus::<W>(exp).wrapping_sub(one_q2::<W>()), 2);
    if x < 0 { -of_distance } else { of_distance }
}

/// `1 / x` for `x > 0`, a `Qn` with `n = integer_bits`: a `Q0` in `[1/2, 1]` and the shift to the
/// right that makes the reciprocal of it.
#[inline]
pub fn reciprocal(x: i32, integer_bits: i32) -> (i32, i32) {
    let headroom = (x as u32).leading_zeros();
    // x = 2^shift * (1 + y)
    let y = (x as u32).wrapping_shl(headroom).wrapping_sub(1 << 31) as i32;
    (one_over_one_plus::<Wide>(y), integer_bits - headroom as i32)
}

#[cfg(test)]
mod tests {
    use super::{
        Narrow, Wide, exp_of_last_quarter, exp_of_negative, logistic, one_over_one_plus, reciprocal, tanh,
    };

    fn near(found: i32, real: f64) {
        let found = f64::from(found) / 2f64.powi(31);
        assert!((found - real).abs() < 3e-7, "{found} is not {real}");
    }

    #[test]
    fn exponentials_of_known_points() {
        assert_eq!(exp_of_negative::<Wide>(0, 5), i32::MAX);
        // At -1/8, the polynomial's centre, only its constant is left.
        assert_eq!(exp_of_last_quarter::<Wide>(-(1 << 28)), 1895147668);
        // -1/8 - 1/4 in Q5: that constant times exp(-1/4): 1895147668 * 1672461947 / 2^31 = 1475942488.1
        assert_eq!(exp_of_negative::<Wide>(-(3 << 23), 5), 1475942488);
        for i in 1..32 * 8 {
            near(exp_of_negative::<Wide>(-(i << 23), 5), (-f64::from(i) / 8.0).exp());
        }
    }

    #[test]
    fn reciprocals_of_known_points() {
        // 1 / (1 + 0): 2^31 does not fit.
        near(one_over_one_plus::<Wide>(0), 1.0);
        near(one_over_one_plus::<Wide>(1 << 30), 2.0 / 3.0);
        // 3 in Q12 is 2^1 * 1.5.
        let (scale, shift) = reciprocal(3 << 19, 12);
        near(scale, 2.0 / 3.0);
        assert_eq!(shift, 1);
    }

    #[test]
    fn sigmoids_of_known_points() {
        assert_eq!((logistic::<Wide>(0, 4), tanh::<Wide>(0, 4)), (1 << 30, 0));
        for i in -15 * 16..15 * 16 {
            let x = f64::from(i) / 16.0;
            near(logistic::<Wide>(i << 23, 4), 1.0 / (1.0 + (-x).exp()));
            near(tanh::<Wide>(i << 23, 4), x.tanh());
            assert_eq!(tanh::<Wide>(i << 23, 4), -tanh::<Wide>(-(i << 23), 4));
        }
    }

    #[test]
    fn narrow_sigmoids_are_near() {
        for x in (-32768..32768).step_by(97) {
            let real = f64::from(x) / 4096.0;
            let found = |q: i32| f64::from(q) / 32768.0;
            assert!((found(logistic::<Narrow>(x, 3)) - 1.0 / (1.0 + (-real).exp())).abs() < 4e-4, "{x}");
            assert!((found(tanh::<Narrow>(x, 3)) - real.tanh()).abs() < 8e-4, "{x}");
            assert!((found(tanh::<Narrow>(x, 6)) - (8.0 * real).tanh()).abs() < 8e-4, "{x}");
        }
    }
}
