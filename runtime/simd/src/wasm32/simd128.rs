//! WebAssembly's 128-bit vectors, four 32-bit lanes.

use core::arch::wasm32::*;

use crate::isa::{Kernel, MAX_GROUP, NEARLY_HALF, Part, Simd, groups_of_pairs, no_half};
use crate::slices::{bits, first, write};

const LANES: usize = 4;

/// Proof that the engine has vectors: the target has them, or the module would not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simd128(());

impl Simd128 {
    /// Always there where this is compiled.
    pub fn detect() -> Option<Self> {
        Some(Self(()))
    }

    /// Runs `kernel`.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }
}

/// `2^n` in each lane, for `n` in `0..=31`: there is no shift with a count for each lane.
#[inline(always)]
fn power(n: v128) -> v128 {
    u32x4_trunc_sat_f32x4(i32x4_shl(i32x4_add(n, i32x4_splat(127)), 23))
}

/// The low halves of 64-bit lanes.
#[inline(always)]
fn narrow(low: v128, high: v128) -> v128 {
    i32x4_shuffle::<0, 2, 4, 6>(low, high)
}

impl Simd for Simd128 {
    const LANES: usize = LANES;
    const ROWS: usize = 4;
    type I32 = v128;
    type F32 = v128;
    type Pairs = v128;

    no_half!();
    groups_of_pairs!();

    #[inline(never)]
    fn apart<P: Part<Self>>(self, part: P) -> P::Output {
        part.run(self)
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> v128 {
        i32x4_splat(x)
    }

    #[inline(always)]
    fn load_i32(self, from: &[i32]) -> v128 {
        bits!([i32; LANES] => v128, first(from))
    }

    #[inline(always)]
    fn store_i32(self, x: v128, to: &mut [i32]) {
        write(bits!(v128 => [i32; LANES], x), to);
    }

    #[inline(always)]
    fn load_i8(self, from: &[i8]) -> v128 {
        let [a, b, c, d] = first::<i8, LANES>(from).map(i32::from);
        i32x4(a, b, c, d)
    }

    #[inline(always)]
    fn store_i8(self, x: v128, to: &mut [i8]) {
        write(bits!(v128 => [i32; LANES], x).map(|x| x as i8), to);
    }

    #[inline(always)]
    fn store_i16(self, x: v128, to: &mut [i16]) {
        write(bits!(v128 => [i32; LANES], x).map(|x| x as i16), to);
    }

    #[inline(always)]
    fn store_clamped<const N: usize, const UNSIGNED: bool>(
        self,
        x: [v128; N],
        zero: i32,
        (min, max): (i32, i32),
        to: &mut [i8],
    ) {
        for n in (0..N).step_by(2) {
            let (low, high) = (x[n], x[(n + 1).min(N - 1)]);
            // Saturated at 16 bits on the way, which is outside the limits with any zero point.
            let words = i16x8_narrow_i32x4(low, high);
            let words = i16x8_add_sat(words, i16x8_splat(zero as i16));
            let words = i16x8_min(i16x8_max(words, i16x8_splat(min as i16)), i16x8_splat(max as i16));
            let bytes = i8x16_narrow_i16x8(words, words);
            let bytes = if UNSIGNED { v128_xor(bytes, i8x16_splat(i8::MIN)) } else { bytes };
            let bytes = i64x2_extract_lane::<0>(bytes);
            let (start, end) = (to.len().min(n * LANES), to.len().min((n + 2).min(N) * LANES));
            write(bytes.to_le_bytes().map(|x| x as i8), to.get_mut(start..end).unwrap_or_default());
        }
    }

    #[inline(always)]
    fn add_i32(self, a: v128, b: v128) -> v128 {
        i32x4_add(a, b)
    }

    #[inline(always)]
    fn sub_i32(self, a: v128, b: v128) -> v128 {
        i32x4_sub(a, b)
    }

    #[inline(always)]
    fn mul_i32(self, a: v128, b: v128) -> v128 {
        i32x4_mul(a, b)
    }

    #[inline(always)]
    fn min_i32(self, a: v128, b: v128) -> v128 {
        i32x4_min(a, b)
    }

    #[inline(always)]
    fn max_i32(self, a: v128, b: v128) -> v128 {
        i32x4_max(a, b)
    }

    #[inline(always)]
    fn shift_left(self, a: v128, count: v128) -> v128 {
        i32x4_mul(a, power(count))
    }

    #[inline(always)]
    fn doubling_high_mul(self, a: v128, b: v128) -> v128 {
        let half = i64x2_splat(1 << 30);
        let low = i64x2_shr(i64x2_add(i64x2_extmul_low_i32x4(a, b), half), 31);
        let high = i64x2_shr(i64x2_add(i64x2_extmul_high_i32x4(a, b), half), 31);
        narrow(low, high)
    }

    #[inline(always)]
    fn rounding_shift_right(self, a: v128, count: v128) -> v128 {
        // With one less for what is negative, `(a >> (n - 1) + 1) >> 1` rounds halves away from zero. The
        // first shift is a product with `2^(31 - n)` that is shifted by 30.
        let sign = i32x4_shr(a, 31);
        let factor = power(i32x4_sub(i32x4_splat(31), i32x4_max(count, i32x4_splat(1))));
        let one = i64x2_splat(1);
        let halve = |product: v128, sign: v128| {
            let shifted = i64x2_shr(i64x2_add(product, sign), 30);
            i64x2_shr(i64x2_add(shifted, one), 1)
        };
        let low = halve(i64x2_extmul_low_i32x4(a, factor), i64x2_extmul_low_i32x4(sign, factor));
        let high = halve(i64x2_extmul_high_i32x4(a, factor), i64x2_extmul_high_i32x4(sign, factor));
        v128_bitselect(a, narrow(low, high), i32x4_eq(count, i32x4_splat(0)))
    }

    #[inline(always)]
    fn requantize_wide(self, sum: v128, q: v128, right: v128, half: v128) -> v128 {
        // The counts differ, and vectors are shifted by one count.
        let [sum, q, right, half] = [sum, q, right, half].map(|x| bits!(v128 => [i32; LANES], x));
        let mut out = [0; LANES];
        for (i, to) in out.iter_mut().enumerate() {
            *to = crate::scalar::requantize_wide(sum[i], q[i], right[i], half[i]);
        }
        bits!([i32; LANES] => v128, out)
    }

    #[inline(always)]
    fn requantize_near(self, sum: v128, factor: v128, away: v128) -> v128 {
        let away = v128_or(away, v128_and(sum, i32x4_splat(i32::MIN)));
        self.nearest_f32(f32x4_add(f32x4_mul(f32x4_convert_i32x4(sum), factor), away))
    }

    #[inline(always)]
    fn replace(self, x: v128, equal: (v128, v128), by: v128) -> v128 {
        v128_bitselect(by, x, i32x4_eq(equal.0, equal.1))
    }

    #[inline(always)]
    fn load_pairs(self, from: &[i16]) -> v128 {
        bits!([i16; 2 * LANES] => v128, first(from))
    }

    #[inline(always)]
    fn widen_pairs(self, from: &[i8]) -> v128 {
        let bytes = i64::from_le_bytes(first::<i8, 8>(from).map(|x| x as u8));
        i16x8_extend_low_i8x16(i64x2_splat(bytes))
    }

    #[inline(always)]
    fn splat_pair(self, [a, b]: [i16; 2]) -> v128 {
        i16x8(a, b, a, b, a, b, a, b)
    }

    #[inline(always)]
    fn dot_pairs(self, sum: v128, a: v128, b: v128) -> v128 {
        i32x4_add(sum, i32x4_dot_i16x8(a, b))
    }

    #[inline(always)]
    fn to_f32(self, x: v128) -> v128 {
        f32x4_convert_i32x4(x)
    }

    #[inline(always)]
    fn round_f32(self, x: v128) -> v128 {
        let half = v128_or(v128_and(x, f32x4_splat(-0.0)), f32x4_splat(NEARLY_HALF));
        i32x4_trunc_sat_f32x4(f32x4_add(x, half))
    }

    #[inline(always)]
    fn nearest_f32(self, x: v128) -> v128 {
        i32x4_trunc_sat_f32x4(f32x4_nearest(x))
    }

    #[inline(always)]
    fn f32_of_bits(self, x: v128) -> v128 {
        x
    }

    #[inline(always)]
    fn splat_f32(self, x: f32) -> v128 {
        f32x4_splat(x)
    }

    #[inline(always)]
    fn load_f32(self, from: &[f32]) -> v128 {
        bits!([f32; LANES] => v128, first(from))
    }

    #[inline(always)]
    fn store_f32(self, x: v128, to: &mut [f32]) {
        write(bits!(v128 => [f32; LANES], x), to);
    }

    #[inline(always)]
    fn mul_add_f32(self, a: v128, b: v128, c: v128) -> v128 {
        f32x4_add(f32x4_mul(a, b), c)
    }

    #[inline(always)]
    fn div_f32(self, a: v128, b: v128) -> v128 {
        f32x4_div(a, b)
    }

    #[inline(always)]
    fn min_f32(self, a: v128, b: v128) -> v128 {
        f32x4_pmin(a, b)
    }

    #[inline(always)]
    fn max_f32(self, a: v128, b: v128) -> v128 {
        f32x4_pmax(a, b)
    }
}
