//! AVX2 with FMA: 256-bit vectors, eight 32-bit lanes.

use core::arch::x86_64::*;

use super::Weave;
use crate::isa::{
    Kernel, MAX_GROUP, NEARLY_HALF, Part, Simd, groups_of_pairs, no_half, store_clamped_in_turn,
};
use crate::slices::{bits, first, write};

const LANES: usize = 8;

/// Proof that the processor has AVX2 and FMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx2(());

impl Avx2 {
    /// Asks the processor (feature `std`) or the compiler's target.
    pub fn detect() -> Option<Self> {
        #[cfg(feature = "std")]
        let has = std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
        #[cfg(not(feature = "std"))]
        let has = cfg!(all(target_feature = "avx2", target_feature = "fma"));
        has.then_some(Self(()))
    }

    /// Runs `kernel` compiled with AVX2.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma")]
        fn go<K: Kernel>(simd: Avx2, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: a value of `Avx2` is only made where the processor has AVX2 and FMA.
        unsafe { go(self, kernel) }
    }
}

/// Calls intrinsics that touch no memory.
macro_rules! avx2 {
    ($body:expr) => {{
        // SAFETY: the caller holds a value of `Avx2`, which is only made where the processor has AVX2
        // and FMA; the intrinsics called here need nothing else and read and write registers only.
        #[allow(clippy::multiple_unsafe_ops_per_block, reason = "all of them need the same proof")]
        unsafe {
            $body
        }
    }};
}

impl Weave<32> for Avx2 {
    #[inline(always)]
    fn weave_cells(self, rows: [&[i8; 32]; 4], to: &mut [u8]) {
        let sign = avx2!(_mm256_set1_epi8(i8::MIN));
        let mut moved = [sign; 4];
        for (to, row) in moved.iter_mut().zip(rows) {
            let row = bits!([i8; 32] => __m256i, *row);
            *to = avx2!(_mm256_xor_si256(row, sign));
        }
        let [a, b, c, d] = moved;
        let groups = avx2!({
            // Unpacking works in halves: each result has groups of the first half and of the second.
            let (ab, cd) = (_mm256_unpacklo_epi8(a, b), _mm256_unpacklo_epi8(c, d));
            let (first, second) = (_mm256_unpacklo_epi16(ab, cd), _mm256_unpackhi_epi16(ab, cd));
            let (ab, cd) = (_mm256_unpackhi_epi8(a, b), _mm256_unpackhi_epi8(c, d));
            let (third, fourth) = (_mm256_unpacklo_epi16(ab, cd), _mm256_unpackhi_epi16(ab, cd));
            [
                _mm256_permute2x128_si256::<0x20>(first, second),
                _mm256_permute2x128_si256::<0x20>(third, fourth),
                _mm256_permute2x128_si256::<0x31>(first, second),
                _mm256_permute2x128_si256::<0x31>(third, fourth),
            ]
        });
        for (to, groups) in to.chunks_mut(32).zip(groups) {
            write(bits!(__m256i => [u8; 32], groups), to);
        }
    }
}

impl Simd for Avx2 {
    const LANES: usize = LANES;
    const ROWS: usize = 4;
    const NEAR: bool = true;
    type I32 = __m256i;
    type F32 = __m256;
    type Pairs = __m256i;

    no_half!();
    groups_of_pairs!();

    // Not on the function within: for those with target features the compiler forgets it.
    #[inline(never)]
    fn apart<P: Part<Self>>(self, part: P) -> P::Output {
        #[target_feature(enable = "avx2,fma")]
        fn go<P: Part<Avx2>>(simd: Avx2, part: P) -> P::Output {
            part.run(simd)
        }
        // SAFETY: a value of `Avx2` is only made where the processor has AVX2 and FMA.
        unsafe { go(self, part) }
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> __m256i {
        avx2!(_mm256_set1_epi32(x))
    }

    #[inline(always)]
    fn load_i32(self, from: &[i32]) -> __m256i {
        bits!([i32; LANES] => __m256i, first(from))
    }

    #[inline(always)]
    fn store_i32(self, x: __m256i, to: &mut [i32]) {
        write(bits!(__m256i => [i32; LANES], x), to);
    }

    #[inline(always)]
    fn load_i8(self, from: &[i8]) -> __m256i {
        let bytes = bits!([i8; 8] => i64, first(from));
        avx2!(_mm256_cvtepi8_epi32(_mm_cvtsi64_si128(bytes)))
    }

    #[inline(always)]
    fn store_i8(self, x: __m256i, to: &mut [i8]) {
        let words = avx2!(_mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256::<1>(x)));
        let bytes = avx2!(_mm_cvtsi128_si64(_mm_packs_epi16(words, words)));
        write(bits!(i64 => [i8; 8], bytes), to);
    }

    #[inline(always)]
    fn store_i16(self, x: __m256i, to: &mut [i16]) {
        let words = avx2!(_mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256::<1>(x)));
        write(bits!(__m128i => [i16; LANES], words), to);
    }

    #[inline(always)]
    fn store_clamped<const N: usize, const UNSIGNED: bool>(
        self,
        x: [__m256i; N],
        zero: i32,
        (min, max): (i32, i32),
        to: &mut [i8],
    ) {
        for n in (0..N).step_by(2) {
            let (low, high) = (x[n], x[(n + 1).min(N - 1)]);
            // Saturated at 16 bits on the way, which is outside the limits with any zero point.
            let bytes = avx2!({
                let words = _mm256_packs_epi32(low, high);
                let words = _mm256_adds_epi16(words, _mm256_set1_epi16(zero as i16));
                let words = _mm256_max_epi16(words, _mm256_set1_epi16(min as i16));
                let words = _mm256_min_epi16(words, _mm256_set1_epi16(max as i16));
                // Each half has four lanes of the first vector, then four of the second.
                let bytes = _mm256_packs_epi16(words, words);
                let bytes =
                    _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256::<1>(bytes));
                if UNSIGNED { _mm_xor_si128(bytes, _mm_set1_epi8(i8::MIN)) } else { bytes }
            });
            let to = to.get_mut(n * LANES..).unwrap_or_default();
            if n + 1 < N {
                write(bits!(__m128i => [i8; 16], bytes), to);
            } else {
                write(bits!(i64 => [i8; 8], avx2!(_mm_cvtsi128_si64(bytes))), to);
            }
        }
    }

    #[inline(always)]
    fn store_clamped_pair<const N: usize, const UNSIGNED: bool>(
        self,
        [a, b]: [[__m256i; N]; 2],
        zero: i32,
        (min, max): (i32, i32),
        [to, next]: [&mut [i8]; 2],
    ) {
        if N != 2 {
            return store_clamped_in_turn::<_, N, UNSIGNED>(self, [a, b], zero, (min, max), [to, next]);
        }
        let bytes = avx2!({
            let zero = _mm256_set1_epi16(zero as i16);
            let a = _mm256_adds_epi16(_mm256_packs_epi32(a[0], a[1]), zero);
            let b = _mm256_adds_epi16(_mm256_packs_epi32(b[0], b[1]), zero);
            // Each half has four lanes of each of the four vectors.
            let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
            let bytes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(a, b), order);
            let bytes = _mm256_max_epi8(bytes, _mm256_set1_epi8(min as i8));
            let bytes = _mm256_min_epi8(bytes, _mm256_set1_epi8(max as i8));
            if UNSIGNED { _mm256_xor_si256(bytes, _mm256_set1_epi8(i8::MIN)) } else { bytes }
        });
        let [first, second] = bits!(__m256i => [[i8; 2 * LANES]; 2], bytes);
        write(first, to);
        write(second, next);
    }

    #[inline(always)]
    fn add_i32(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_add_epi32(a, b))
    }

    #[inline(always)]
    fn sub_i32(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_sub_epi32(a, b))
    }

    #[inline(always)]
    fn mul_i32(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_mullo_epi32(a, b))
    }

    #[inline(always)]
    fn min_i32(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_min_epi32(a, b))
    }

    #[inline(always)]
    fn max_i32(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_max_epi32(a, b))
    }

    #[inline(always)]
    fn shift_left(self, a: __m256i, count: __m256i) -> __m256i {
        avx2!(_mm256_sllv_epi32(a, count))
    }

    #[inline(always)]
    fn doubling_high_mul(self, a: __m256i, b: __m256i) -> __m256i {
        // Products of the even and of the odd lanes; bits 31 to 62 of each are the result.
        avx2!({
            let half = _mm256_set1_epi64x(1 << 30);
            let even = _mm256_add_epi64(_mm256_mul_epi32(a, b), half);
            let odd = _mm256_mul_epi32(_mm256_srli_epi64::<32>(a), _mm256_srli_epi64::<32>(b));
            let odd = _mm256_add_epi64(odd, half);
            _mm256_blend_epi32::<0b1010_1010>(_mm256_srli_epi64::<31>(even), _mm256_slli_epi64::<1>(odd))
        })
    }

    #[inline(always)]
    fn rounding_shift_right(self, a: __m256i, count: __m256i) -> __m256i {
        avx2!({
            let ones = _mm256_set1_epi32(-1);
            // -1 as a number is what a comparison gives for true, so subtracting it adds 1.
            let mask = _mm256_xor_si256(_mm256_sllv_epi32(ones, count), ones);
            let negative = _mm256_srai_epi32::<31>(a);
            let threshold = _mm256_sub_epi32(_mm256_srli_epi32::<1>(mask), negative);
            let up = _mm256_cmpgt_epi32(_mm256_and_si256(a, mask), threshold);
            _mm256_sub_epi32(_mm256_srav_epi32(a, count), up)
        })
    }

    #[inline(always)]
    fn requantize(self, sum: __m256i, q: __m256i, right: __m256i, half: __m256i) -> __m256i {
        // With twice the sum, the upper halves of the products are the first result.
        avx2!({
            let (twice, up) = (_mm256_add_epi32(sum, sum), _mm256_set1_epi64x(1 << 31));
            let even = _mm256_add_epi64(_mm256_mul_epi32(twice, q), up);
            let odd = _mm256_mul_epi32(_mm256_srli_epi64::<32>(twice), _mm256_srli_epi64::<32>(q));
            let odd = _mm256_add_epi64(odd, up);
            let high = _mm256_blend_epi32::<0b1010_1010>(_mm256_shuffle_epi32::<0b11_11_01_01>(even), odd);
            // Half a unit, and less by one where negative: halves are rounded away from zero.
            let more = _mm256_add_epi32(half, _mm256_srai_epi32::<31>(high));
            _mm256_srav_epi32(_mm256_add_epi32(high, more), right)
        })
    }

    #[inline(always)]
    fn requantize_wide(self, sum: __m256i, q: __m256i, right: __m256i, half: __m256i) -> __m256i {
        avx2!({
            let low = _mm256_set1_epi64x(0xffff_ffff);
            let even = _mm256_add_epi64(_mm256_mul_epi32(sum, q), _mm256_and_si256(half, low));
            let even = _mm256_srlv_epi64(even, _mm256_and_si256(right, low));
            let odd = _mm256_mul_epi32(_mm256_srli_epi64::<32>(sum), _mm256_srli_epi64::<32>(q));
            let odd = _mm256_add_epi64(odd, _mm256_srli_epi64::<32>(half));
            let odd = _mm256_srlv_epi64(odd, _mm256_srli_epi64::<32>(right));
            _mm256_blend_epi32::<0b1010_1010>(even, _mm256_slli_epi64::<32>(odd))
        })
    }

    #[inline(always)]
    fn requantize_near(self, sum: __m256i, factor: __m256, away: __m256) -> __m256i {
        avx2!({
            let sign = _mm256_and_si256(sum, _mm256_set1_epi32(i32::MIN));
            let away = _mm256_or_ps(away, _mm256_castsi256_ps(sign));
            _mm256_cvtps_epi32(_mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), factor, away))
        })
    }

    #[inline(always)]
    fn replace(self, x: __m256i, equal: (__m256i, __m256i), by: __m256i) -> __m256i {
        avx2!(_mm256_blendv_epi8(x, by, _mm256_cmpeq_epi32(equal.0, equal.1)))
    }

    #[inline(always)]
    fn load_pairs(self, from: &[i16]) -> __m256i {
        bits!([i16; 2 * LANES] => __m256i, first(from))
    }

    #[inline(always)]
    fn widen_pairs(self, from: &[i8]) -> __m256i {
        let bytes = bits!([i8; 16] => __m128i, first(from));
        avx2!(_mm256_cvtepi8_epi16(bytes))
    }

    #[inline(always)]
    fn splat_pair(self, pair: [i16; 2]) -> __m256i {
        let pair = bits!([i16; 2] => i32, pair);
        avx2!(_mm256_set1_epi32(pair))
    }

    #[inline(always)]
    fn dot_pairs(self, sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_add_epi32(sum, _mm256_madd_epi16(a, b)))
    }

    #[inline(always)]
    fn to_f32(self, x: __m256i) -> __m256 {
        avx2!(_mm256_cvtepi32_ps(x))
    }

    #[inline(always)]
    fn round_f32(self, x: __m256) -> __m256i {
        avx2!({
            let sign = _mm256_and_ps(x, _mm256_set1_ps(-0.0));
            let rounded = _mm256_add_ps(x, _mm256_or_ps(sign, _mm256_set1_ps(NEARLY_HALF)));
            _mm256_cvttps_epi32(_mm256_and_ps(rounded, _mm256_cmp_ps::<_CMP_ORD_Q>(x, x)))
        })
    }

    #[inline(always)]
    fn nearest_f32(self, x: __m256) -> __m256i {
        avx2!(_mm256_cvtps_epi32(x))
    }

    #[inline(always)]
    fn f32_of_bits(self, x: __m256i) -> __m256 {
        avx2!(_mm256_castsi256_ps(x))
    }

    #[inline(always)]
    fn splat_f32(self, x: f32) -> __m256 {
        avx2!(_mm256_set1_ps(x))
    }

    #[inline(always)]
    fn load_f32(self, from: &[f32]) -> __m256 {
        bits!([f32; LANES] => __m256, first(from))
    }

    #[inline(always)]
    fn store_f32(self, x: __m256, to: &mut [f32]) {
        write(bits!(__m256 => [f32; LANES], x), to);
    }

    #[inline(always)]
    fn mul_add_f32(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        avx2!(_mm256_fmadd_ps(a, b, c))
    }

    #[inline(always)]
    fn div_f32(self, a: __m256, b: __m256) -> __m256 {
        avx2!(_mm256_div_ps(a, b))
    }

    #[inline(always)]
    fn min_f32(self, a: __m256, b: __m256) -> __m256 {
        avx2!(_mm256_min_ps(b, a))
    }

    #[inline(always)]
    fn max_f32(self, a: __m256, b: __m256) -> __m256 {
        avx2!(_mm256_max_ps(b, a))
    }
}
