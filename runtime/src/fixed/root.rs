//! The inverse square root of integers, bit by bit as tflite has it. Source: tflite's `common.h`;
//! `Qn` and products are explained in `exp.rs`.

use super::{Multiplier, doubling_high_mul, saturating_shift_left};

/// Steps of Newton's method, which starts at 1.
const STEPS: usize = 5;
/// 1 and 3/2 as `Q3`, `sqrt(1/2)` as a `Q0`.
const ONE: i32 = 1 << 28;
const HALF_THREE: i32 = (1 << 28) + (1 << 27);
const ROOT_HALF: i32 = 1518500250;

/// `1 / sqrt(x)`; 0 and negative numbers count as 1.
pub fn inverse_root(x: i32) -> Multiplier {
    if x <= 1 {
        return Multiplier { q: i32::MAX, shift: 0 };
    }
    // `x` is brought into `[2^27, 2^29)` by a power of four.
    let mut x = x;
    let mut right = 11;
    while x >= 1 << 29 {
        x /= 4;
        right += 1;
    }
    let pairs = ((x.leading_zeros().saturating_sub(1)) / 2).saturating_sub(1);
    right -= pairs as i32;
    let half = (x << (2 * pairs)) >> 1;
    // Half the number again, halves away from zero, since it is not negative.
    let quarter = (half + 1) >> 1;
    let mul = doubling_high_mul;
    let root = (0..STEPS).fold(ONE, |y, _| {
        let cube = saturating_shift_left(mul(mul(y, y), y), 6);
        saturating_shift_left(mul(HALF_THREE, y).wrapping_sub(mul(quarter, cube)), 3)
    });
    let q = mul(root, ROOT_HALF);
    if right < 0 {
        Multiplier { q: q.wrapping_shl(right.unsigned_abs()), shift: 0 }
    } else {
        Multiplier { q, shift: -right }
    }
}

#[cfg(test)]
mod tests {
    use super::{Multiplier, inverse_root};

    #[test]
    fn inverse_roots_of_known_points() {
        assert_eq!(inverse_root(0), Multiplier { q: i32::MAX, shift: 0 });
        assert_eq!(inverse_root(1), inverse_root(0));
        let mut x = 2i32;
        while x < i32::MAX / 2 {
            let Multiplier { q, shift } = inverse_root(x);
            let found = f64::from(q) * 2f64.powi(shift - 31);
            let exact = 1.0 / f64::from(x).sqrt();
            assert!((found / exact - 1.0).abs() < 1e-5, "1/sqrt({x}) is {exact}, not {found}");
            x += 1 + x / 50;
        }
    }
}
