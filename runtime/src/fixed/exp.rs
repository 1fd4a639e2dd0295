//! Exponential functions on 32-bit fixed-point numbers, bit by bit as gemmlowp has them.
//!
//! `Qn` is a number with `n` integer bits beside the sign and `31 - n` fraction bits, so its product
//! with a `Qm`, by [`doubling_high_mul`], is a `Q(n + m)`. Source: gemmlowp's `fixedpoint.h`.

use super::{doubling_high_mul, rounding_shift_right, saturating_shift_left};

/// As near to 1 as a `Q0` gets.
const ONE: i32 = i32::MAX;
/// 1 as a `Q2`.
const ONE_Q2: i32 = 1 << 29;

/// `exp(x)` as a `Q0` for `x <= 0`, a `Qn` with `n = integer_bits` in `1..=5`.
///
/// `x` is the sum of a part in `[-1/4, 0)`, whose exponential is a Taylor polynomial, and of negative
/// powers of two, each of which contributes a factor.
#[inline]
pub fn exp_of_negative(x: i32, integer_bits: u32) -> i32 {
    if x == 0 {
        return ONE;
    }
    let fraction_bits = 31 - integer_bits;
    let quarter = 1 << (fraction_bits - 2);
    let part = (x & (quarter - 1)) - quarter;
    let rest = part.wrapping_sub(x);
    // exp(-1/4), exp(-1/2), ..., exp(-16) as Q0.
    const FACTORS: [i32; 7] = [1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242];
    let bits = fraction_bits - 2..31;
    bits.zip(FACTORS).fold(exp_of_last_quarter(part << integer_bits), |result, (bit, factor)| {
        if rest & (1 << bit) != 0 { doubling_high_mul(result, factor) } else { result }
    })
}

/// `exp(x)` for `x` in `[-1/4, 0)`, both `Q0`: the Taylor polynomial of degree 4 around -1/8.
#[inline]
fn exp_of_last_quarter(x: i32) -> i32 {
    /// exp(-1/8).
    const CENTRE: i32 = 1895147668;
    const THIRD: i32 = 715827883;
    let x = x + (1 << 28);
    let square = doubling_high_mul(x, x);
    let cube = doubling_high_mul(square, x);
    let fourth = doubling_high_mul(square, square);
    // x^2/2 + x^3/6 + x^4/24 = ((x^4/4 + x^3)/3 + x^2)/2
    let thirds = doubling_high_mul(rounding_shift_right(fourth, 2) + cube, THIRD);
    let above_linear = rounding_shift_right(thirds + square, 1);
    CENTRE + doubling_high_mul(CENTRE, x + above_linear)
}

/// `2 / (1 + x)` as a `Q2` for `x` in `[0, 1)`, a `Q0`: three steps of Newton's division.
#[inline]
fn two_over_one_plus(x: i32) -> i32 {
    /// 48/17 and -32/17 as Q2.
    const START: (i32, i32) = (1515870810, -1010580540);
    let half_denominator = ((i64::from(x) + i64::from(ONE) + 1) / 2) as i32;
    let first = START.0.wrapping_add(doubling_high_mul(half_denominator, START.1));
    (0..3).fold(first, |y, _| {
        let error = ONE_Q2.wrapping_sub(doubling_high_mul(half_denominator, y));
        y.wrapping_add(saturating_shift_left(doubling_high_mul(y, error), 2))
    })
}

/// `1 / (1 + x)` for `x` in `[0, 1)`, both `Q0`.
#[inline]
pub(super) fn one_over_one_plus(x: i32) -> i32 {
    saturating_shift_left(two_over_one_plus(x), 1)
}

/// `1 / (1 + exp(-x))` as a `Q0`, for `x` a `Qn` with `n = integer_bits` in `1..=5`.
pub fn logistic(x: i32, integer_bits: u32) -> i32 {
    let of_distance = || one_over_one_plus(exp_of_negative(x.wrapping_abs().wrapping_neg(), integer_bits));
    match x {
        0 => 1 << 30,
        1.. => of_distance(),
        _ => ONE - of_distance(),
    }
}

/// `tanh(x)` as a `Q0`, for `x` a `Qn` with `n = integer_bits` in `0..=4`:
/// `(1 - exp(-2x)) / (1 + exp(-2x))`, for `x > 0`.
pub fn tanh(x: i32, integer_bits: u32) -> i32 {
    if x == 0 {
        return 0;
    }
    // The same bits with one more integer bit are twice the number.
    let exp = exp_of_negative(x.wrapping_abs().wrapping_neg(), integer_bits + 1);
    let of_distance = saturating_shift_left(two_over_one_plus(exp).wrapping_sub(ONE_Q2), 2);
    if x < 0 { -of_distance } else { of_distance }
}

/// `1 / x` for `x > 0`, a `Qn` with `n = integer_bits`: a `Q0` in `[1/2, 1]` and the shift to the
/// right that makes the reciprocal of it.
#[inline]
pub fn reciprocal(x: i32, integer_bits: i32) -> (i32, i32) {
    let headroom = (x as u32).leading_zeros();
    // x = 2^shift * (1 + y)
    let y = (x as u32).wrapping_shl(headroom).wrapping_sub(1 << 31) as i32;
    (one_over_one_plus(y), integer_bits - headroom as i32)
}

#[cfg(test)]
mod tests {
    use super::{exp_of_last_quarter, exp_of_negative, logistic, one_over_one_plus, reciprocal, tanh};

    fn near(found: i32, real: f64) {
        let found = f64::from(found) / 2f64.powi(31);
        assert!((found - real).abs() < 3e-7, "{found} is not {real}");
    }

    #[test]
    fn exponentials_of_known_points() {
        assert_eq!(exp_of_negative(0, 5), i32::MAX);
        // At -1/8, the polynomial's centre, only its constant is left.
        assert_eq!(exp_of_last_quarter(-(1 << 28)), 1895147668);
        // -1/8 - 1/4 in Q5: that constant times exp(-1/4): 1895147668 * 1672461947 / 2^31 = 1475942488.1
        assert_eq!(exp_of_negative(-(3 << 23), 5), 1475942488);
        for i in 1..32 * 8 {
            near(exp_of_negative(-(i << 23), 5), (-f64::from(i) / 8.0).exp());
        }
    }

    #[test]
    fn reciprocals_of_known_points() {
        // 1 / (1 + 0): 2^31 does not fit.
        near(one_over_one_plus(0), 1.0);
        near(one_over_one_plus(1 << 30), 2.0 / 3.0);
        // 3 in Q12 is 2^1 * 1.5.
        let (scale, shift) = reciprocal(3 << 19, 12);
        near(scale, 2.0 / 3.0);
        assert_eq!(shift, 1);
    }

    #[test]
    fn sigmoids_of_known_points() {
        assert_eq!((logistic(0, 4), tanh(0, 4)), (1 << 30, 0));
        for i in -15 * 16..15 * 16 {
            let x = f64::from(i) / 16.0;
            near(logistic(i << 23, 4), 1.0 / (1.0 + (-x).exp()));
            near(tanh(i << 23, 4), x.tanh());
            assert_eq!(tanh(i << 23, 4), -tanh(-(i << 23), 4));
        }
    }
}
