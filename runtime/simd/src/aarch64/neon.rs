//! Neon: 128-bit vectors, four 32-bit lanes.

use core::arch::aarch64::*;

use crate::isa::{Kernel, MAX_GROUP, Part, Simd, groups_of_pairs, no_half};
use crate::slices::{bits, first, write};

const LANES: usize = 4;

/// Proof that the processor has Neon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neon(());

impl Neon {
    /// Asks the processor (feature `std`) or the compiler's target.
    pub fn detect() -> Option<Self> {
        #[cfg(feature = "std")]
        let has = std::arch::is_aarch64_feature_detected!("neon");
        #[cfg(not(feature = "std"))]
        let has = cfg!(target_feature = "neon");
        has.then_some(Self(()))
    }

    /// Runs `kernel` compiled with Neon.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "neon")]
        fn go<K: Kernel>(simd: Neon, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: a value of `Neon` is only made where the processor has it.
        unsafe { go(self, kernel) }
    }
}

/// Calls intrinsics that touch no memory.
macro_rules! neon {
    ($body:expr) => {{
        // SAFETY: the caller holds a value of `Neon`, which is only made where the processor has it; the
        // intrinsics called here need nothing else and read and write registers only.
        #[allow(unused_unsafe, reason = "safe where the target has Neon anyway")]
        #[allow(clippy::multiple_unsafe_ops_per_block, reason = "all of them need the same proof")]
        unsafe {
            $body
        }
    }};
}

impl Simd for Neon {
    const LANES: usize = LANES;
    const ROWS: usize = 8;
    type I32 = int32x4_t;
    type F32 = float32x4_t;
    type Pairs = int16x8_t;

    no_half!();
    groups_of_pairs!();

    // Not on the function within: for those with target features the compiler forgets it.
    #[inline(never)]
    fn apart<P: Part<Self>>(self, part: P) -> P::Output {
        #[target_feature(enable = "neon")]
        fn go<P: Part<Neon>>(simd: Neon, part: P) -> P::Output {
            part.run(simd)
        }
        // SAFETY: a value of `Neon` is only made where the processor has it.
        unsafe { go(self, part) }
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> int32x4_t {
        neon!(vdupq_n_s32(x))
    }

    #[inline(always)]
    fn load_i32(self, from: &[i32]) -> int32x4_t {
        bits!([i32; LANES] => int32x4_t, first(from))
    }

    #[inline(always)]
    fn store_i32(self, x: int32x4_t, to: &mut [i32]) {
        write(bits!(int32x4_t => [i32; LANES], x), to);
    }

    #[inline(always)]
    fn load_i8(self, from: &[i8]) -> int32x4_t {
        let [a, b, c, d] = first::<i8, LANES>(from);
        let bytes = bits!([i8; 8] => int8x8_t, [a, b, c, d, 0, 0, 0, 0]);
        neon!(vmovl_s16(vget_low_s16(vmovl_s8(bytes))))
    }

    #[inline(always)]
    fn store_i8(self, x: int32x4_t, to: &mut [i8]) {
        let bytes = neon!({
            let words = vmovn_s32(x);
            vmovn_s16(vcombine_s16(words, words))
        });
        let [a, b, c, d, ..] = bits!(int8x8_t => [i8; 8], bytes);
        write([a, b, c, d], to);
    }

    #[inline(always)]
    fn store_i16(self, x: int32x4_t, to: &mut [i16]) {
        write(bits!(int16x4_t => [i16; LANES], neon!(vmovn_s32(x))), to);
    }

    #[inline(always)]
    fn store_clamped<const N: usize, const UNSIGNED: bool>(
        self,
        x: [int32x4_t; N],
        zero: i32,
        (min, max): (i32, i32),
        to: &mut [i8],
    ) {
        for n in (0..N).step_by(2) {
            let (low, high) = (x[n], x[(n + 1).min(N - 1)]);
            // Saturated at 16 bits on the way, which is outside the limits with any zero point.
            let bytes = neon!({
                let words = vcombine_s16(vqmovn_s32(low), vqmovn_s32(high));
                let words = vqaddq_s16(words, vdupq_n_s16(zero as i16));
                let words = vmaxq_s16(words, vdupq_n_s16(min as i16));
                let bytes = vmovn_s16(vminq_s16(words, vdupq_n_s16(max as i16)));
                if UNSIGNED { veor_s8(bytes, vdup_n_s8(i8::MIN)) } else { bytes }
            });
            let (start, end) = (to.len().min(n * LANES), to.len().min((n + 2).min(N) * LANES));
            write(bits!(int8x8_t => [i8; 8], bytes), to.get_mut(start..end).unwrap_or_default());
        }
    }

    #[inline(always)]
    fn add_i32(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        neon!(vaddq_s32(a, b))
    }

    #[inline(always)]
    fn sub_i32(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        neon!(vsubq_s32(a, b))
    }

    #[inline(always)]
    fn mul_i32(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        neon!(vmulq_s32(a, b))
    }

    #[inline(always)]
    fn min_i32(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        neon!(vminq_s32(a, b))
    }

    #[inline(always)]
    fn max_i32(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        neon!(vmaxq_s32(a, b))
    }

    #[inline(always)]
    fn shift_left(self, a: int32x4_t, count: int32x4_t) -> int32x4_t {
        neon!(vshlq_s32(a, count))
    }

    #[inline(always)]
    fn doubling_high_mul(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        neon!(vqrdmulhq_s32(a, b))
    }

    #[inline(always)]
    fn rounding_shift_right(self, a: int32x4_t, count: int32x4_t) -> int32x4_t {
        // The instruction rounds halves up: one less for what is negative, unless nothing is shifted.
        neon!({
            let right = vnegq_s32(count);
            let fix = vshrq_n_s32::<31>(vandq_s32(a, right));
            vrshlq_s32(vqaddq_s32(a, fix), right)
        })
    }

    #[inline(always)]
    fn requantize_wide(self, sum: int32x4_t, q: int32x4_t, right: int32x4_t, half: int32x4_t) -> int32x4_t {
        neon!({
            let (half, left) = (vreinterpretq_u32_s32(half), vnegq_s32(right));
            let low = vmull_s32(vget_low_s32(sum), vget_low_s32(q));
            let low = vaddq_s64(low, vreinterpretq_s64_u64(vmovl_u32(vget_low_u32(half))));
            let low = vshlq_s64(low, vmovl_s32(vget_low_s32(left)));
            let high = vmull_high_s32(sum, q);
            let high = vaddq_s64(high, vreinterpretq_s64_u64(vmovl_high_u32(half)));
            let high = vshlq_s64(high, vmovl_high_s32(left));
            vcombine_s32(vmovn_s64(low), vmovn_s64(high))
        })
    }

    #[inline(always)]
    fn requantize_near(self, sum: int32x4_t, factor: float32x4_t, away: float32x4_t) -> int32x4_t {
        neon!({
            let sign = vdupq_n_u32(1 << 31);
            let away = vbslq_f32(sign, vreinterpretq_f32_s32(sum), away);
            vcvtnq_s32_f32(vfmaq_f32(away, vcvtq_f32_s32(sum), factor))
        })
    }

    #[inline(always)]
    fn replace(self, x: int32x4_t, equal: (int32x4_t, int32x4_t), by: int32x4_t) -> int32x4_t {
        neon!(vbslq_s32(vceqq_s32(equal.0, equal.1), by, x))
    }

    #[inline(always)]
    fn load_pairs(self, from: &[i16]) -> int16x8_t {
        bits!([i16; 2 * LANES] => int16x8_t, first(from))
    }

    #[inline(always)]
    fn widen_pairs(self, from: &[i8]) -> int16x8_t {
        let bytes = bits!([i8; 8] => int8x8_t, first(from));
        neon!(vmovl_s8(bytes))
    }

    #[inline(always)]
    fn splat_pair(self, pair: [i16; 2]) -> int16x8_t {
        let pair = bits!([i16; 2] => i32, pair);
        neon!(vreinterpretq_s16_s32(vdupq_n_s32(pair)))
    }

    #[inline(always)]
    fn dot_pairs(self, sum: int32x4_t, a: int16x8_t, b: int16x8_t) -> int32x4_t {
        neon!({
            let low = vmull_s16(vget_low_s16(a), vget_low_s16(b));
            vaddq_s32(sum, vpaddq_s32(low, vmull_high_s16(a, b)))
        })
    }

    #[inline(always)]
    fn to_f32(self, x: int32x4_t) -> float32x4_t {
        neon!(vcvtq_f32_s32(x))
    }

    #[inline(always)]
    fn round_f32(self, x: float32x4_t) -> int32x4_t {
        neon!(vcvtaq_s32_f32(x))
    }

    #[inline(always)]
    fn nearest_f32(self, x: float32x4_t) -> int32x4_t {
        neon!(vcvtnq_s32_f32(x))
    }

    #[inline(always)]
    fn f32_of_bits(self, x: int32x4_t) -> float32x4_t {
        neon!(vreinterpretq_f32_s32(x))
    }

    #[inline(always)]
    fn splat_f32(self, x: f32) -> float32x4_t {
        neon!(vdupq_n_f32(x))
    }

    #[inline(always)]
    fn load_f32(self, from: &[f32]) -> float32x4_t {
        bits!([f32; LANES] => float32x4_t, first(from))
    }

    #[inline(always)]
    fn store_f32(self, x: float32x4_t, to: &mut [f32]) {
        write(bits!(float32x4_t => [f32; LANES], x), to);
    }

    #[inline(always)]
    fn mul_add_f32(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        neon!(vfmaq_f32(c, a, b))
    }

    #[inline(always)]
    fn div_f32(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        neon!(vdivq_f32(a, b))
    }

    #[inline(always)]
    fn min_f32(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // As a comparison: the instruction of that name would give NaN where either is.
        neon!(vbslq_f32(vcltq_f32(b, a), b, a))
    }

    #[inline(always)]
    fn max_f32(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        neon!(vbslq_f32(vcgtq_f32(b, a), b, a))
    }
}
