//! The logarithm on 32-bit fixed-point numbers, bit by bit as tflite has it. Source: tflite's
//! `common.h`; `Qn` and products are explained in `exp.rs`.

use super::exp::{Wide, one_over_one_plus};
use super::{doubling_high_mul, rounding_shift_right, saturating_shift_left};

/// Integer bits of the argument and of the result; sums on the way have one bit more.
const INPUT_BITS: i32 = 12;
const OUTPUT_BITS: u32 = 5;
const SUM_BITS: u32 = OUTPUT_BITS + 1;

/// `ln 2`, `sqrt(1/2)` and `sqrt(sqrt(1/2))` as `Q0`.
const LN_2: i32 = 1488522236;
const ROOT_HALF: i32 = 1518500250;
const FOURTH_ROOT_HALF: i32 = 1805811301;
/// A quarter as a `Q6`.
const QUARTER: i32 = 1 << (31 - SUM_BITS - 2);

/// `ln(x)` as a `Q5`, for `x >= 1` a `Q12`.
///
/// `x` is `2^p * r` with a whole `p`, or with one that lies a half beside it, whichever leaves `r`
/// nearer to `sqrt(sqrt(1/2))`: `ln(x) = (p + 1/4) ln 2 + ln(r / sqrt(sqrt(1/2)))`, the second part by a
/// quotient of polynomials.
pub fn log_of_sum(x: i32) -> i32 {
    let headroom = x.leading_zeros() as i32 - 1;
    let r_whole = shift(doubling_high_mul(shift(x, headroom), ROOT_HALF), 1);
    let p_whole = power(INPUT_BITS - headroom - 1).saturating_add(QUARTER);
    let half_headroom = doubling_high_mul(x, ROOT_HALF).leading_zeros() as i32 - 1;
    let r_half = shift(x, half_headroom);
    let p_half = power(INPUT_BITS - half_headroom).saturating_sub(QUARTER);
    let (r, p) = (r_whole.min(r_half), p_whole.max(p_half));
    let quotient = log_of_part(r);
    shift(doubling_high_mul(p, LN_2).wrapping_add(quotient), 1)
}

/// `ln(r / sqrt(sqrt(1/2)))` as a `Q6`, for `r` near that root, a `Q0`.
fn log_of_part(r: i32) -> i32 {
    /// 11/240, 1/20, 2 sqrt(1/2) - 1 and 1/4, each times the fourth root of 2, as `Q0`.
    const NUMERATOR: i32 = 117049297;
    const SQUARE: i32 = 127690142;
    const CONSTANT: i32 = 1057819769;
    const LINEAR: i32 = 638450708;
    let mul = doubling_high_mul;
    let mean = half_sum(r, FOURTH_ROOT_HALF);
    let distance = r.wrapping_sub(FOURTH_ROOT_HALF);
    let q = distance.wrapping_add(distance);
    let square = mul(q, q);
    let numerator = mul(q, r).wrapping_add(mul(mul(q, square), NUMERATOR));
    let inner = CONSTANT.wrapping_add(q).wrapping_add(mul(SQUARE, square));
    let denominator = mul(mean, inner).wrapping_add(mul(LINEAR, q));
    mul(rounding_shift_right(numerator, SUM_BITS), one_over_one_plus::<Wide>(denominator))
}

/// `x * 2^by`: saturating to the left, rounding to the right.
fn shift(x: i32, by: i32) -> i32 {
    if by < 0 { rounding_shift_right(x, by.unsigned_abs()) } else { saturating_shift_left(x, by as u32) }
}

/// A whole number as a `Q6`.
fn power(p: i32) -> i32 {
    saturating_shift_left(p, 31 - SUM_BITS)
}

/// `(a + b) / 2`, halves away from zero.
fn half_sum(a: i32, b: i32) -> i32 {
    let sum = i64::from(a) + i64::from(b);
    ((sum + if sum >= 0 { 1 } else { -1 }) / 2) as i32
}

#[cfg(test)]
mod tests {
    use super::log_of_sum;

    #[test]
    fn logarithms_of_known_points() {
        // From 1 to 4,096 in steps of a third of a percent.
        let mut real = 1.0f64;
        while real < 4095.0 {
            let x = (real * f64::from(1 << 19)) as i32;
            let exact = (f64::from(x) / f64::from(1 << 19)).ln();
            let found = f64::from(log_of_sum(x)) / f64::from(1 << 26);
            assert!((found - exact).abs() < 3e-6, "ln({real}) is {exact}, not {found}");
            real *= 1.0033;
        }
    }
}
