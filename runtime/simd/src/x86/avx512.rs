//! AVX-512 with VNNI: 512-bit vectors, sixteen 32-bit lanes, four int8 products of a lane at once.

use core::arch::x86_64::*;

use crate::isa::{Kernel, Simd};
use crate::slices::{bits, first, write};

const LANES: usize = 16;

/// Proof that the processor has AVX-512 (F, BW, VL) and VNNI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx512Vnni(());

impl Avx512Vnni {
    /// Asks the processor (feature `std`) or the compiler's target.
    pub fn detect() -> Option<Self> {
        #[cfg(feature = "std")]
        let has = std::arch::is_x86_feature_detected!("avx512f")
            && std::arch::is_x86_feature_detected!("avx512bw")
            && std::arch::is_x86_feature_detected!("avx512vl")
            && std::arch::is_x86_feature_detected!("avx512vnni");
        #[cfg(not(feature = "std"))]
        let has = cfg!(all(
            target_feature = "avx512f",
            target_feature = "avx512bw",
            target_feature = "avx512vl",
            target_feature = "avx512vnni"
        ));
        has.then_some(Self(()))
    }

    /// Runs `kernel` compiled with AVX-512.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
        fn go<K: Kernel>(simd: Avx512Vnni, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: a value of `Avx512Vnni` is only made where the processor has all of these.
        unsafe { go(self, kernel) }
    }
}

/// Calls intrinsics that touch no memory.
macro_rules! avx512 {
    ($body:expr) => {{
        // SAFETY: the caller holds a value of `Avx512Vnni`, which is only made where the processor has
        // AVX-512 F, BW, VL and VNNI; the intrinsics called here need nothing else and read and write
        // registers only.
        #[allow(clippy::multiple_unsafe_ops_per_block, reason = "all of them need the same proof")]
        unsafe {
            $body
        }
    }};
}

impl Simd for Avx512Vnni {
    const LANES: usize = LANES;
    const GROUP: usize = 4;
    const OFFSET: i32 = 128;
    const ROWS: usize = 8;
    type I32 = __m512i;
    type F32 = __m512;
    type Pairs = __m512i;
    type Element = u8;
    type Group = [u8; 4];
    type Groups = __m512i;

    #[inline(always)]
    fn splat_i32(self, x: i32) -> __m512i {
        avx512!(_mm512_set1_epi32(x))
    }

    #[inline(always)]
    fn load_i32(self, from: &[i32]) -> __m512i {
        bits!([i32; LANES] => __m512i, first(from))
    }

    #[inline(always)]
    fn store_i32(self, x: __m512i, to: &mut [i32]) {
        write(bits!(__m512i => [i32; LANES], x), to);
    }

    #[inline(always)]
    fn load_i8(self, from: &[i8]) -> __m512i {
        let bytes = bits!([i8; LANES] => __m128i, first(from));
        avx512!(_mm512_cvtepi8_epi32(bytes))
    }

    #[inline(always)]
    fn store_i8(self, x: __m512i, to: &mut [i8]) {
        let bytes = avx512!(_mm512_cvtepi32_epi8(x));
        write(bits!(__m128i => [i8; LANES], bytes), to);
    }

    #[inline(always)]
    fn add_i32(self, a: __m512i, b: __m512i) -> __m512i {
        avx512!(_mm512_add_epi32(a, b))
    }

    #[inline(always)]
    fn sub_i32(self, a: __m512i, b: __m512i) -> __m512i {
        avx512!(_mm512_sub_epi32(a, b))
    }

    #[inline(always)]
    fn mul_i32(self, a: __m512i, b: __m512i) -> __m512i {
        avx512!(_mm512_mullo_epi32(a, b))
    }

    #[inline(always)]
    fn min_i32(self, a: __m512i, b: __m512i) -> __m512i {
        avx512!(_mm512_min_epi32(a, b))
    }

    #[inline(always)]
    fn max_i32(self, a: __m512i, b: __m512i) -> __m512i {
        avx512!(_mm512_max_epi32(a, b))
    }

    #[inline(always)]
    fn shift_left(self, a: __m512i, count: __m512i) -> __m512i {
        avx512!(_mm512_sllv_epi32(a, count))
    }

    #[inline(always)]
    fn doubling_high_mul(self, a: __m512i, b: __m512i) -> __m512i {
        // Products of the even and of the odd lanes; bits 31 to 62 of each are the result.
        avx512!({
            let half = _mm512_set1_epi64(1 << 30);
            let even = _mm512_add_epi64(_mm512_mul_epi32(a, b), half);
            let odd = _mm512_mul_epi32(_mm512_srli_epi64::<32>(a), _mm512_srli_epi64::<32>(b));
            let odd = _mm512_add_epi64(odd, half);
            let (even, odd) = (_mm512_srli_epi64::<31>(even), _mm512_slli_epi64::<1>(odd));
            _mm512_mask_blend_epi32(0b1010_1010_1010_1010, even, odd)
        })
    }

    #[inline(always)]
    fn rounding_shift_right(self, a: __m512i, count: __m512i) -> __m512i {
        avx512!({
            let one = _mm512_set1_epi32(1);
            let mask = _mm512_sub_epi32(_mm512_sllv_epi32(one, count), one);
            let sign = _mm512_srli_epi32::<31>(a);
            let threshold = _mm512_add_epi32(_mm512_srli_epi32::<1>(mask), sign);
            let up = _mm512_cmpgt_epi32_mask(_mm512_and_si512(a, mask), threshold);
            let down = _mm512_srav_epi32(a, count);
            _mm512_mask_add_epi32(down, up, down, one)
        })
    }

    #[inline(always)]
    fn zip_pairs(self, a: &[i8], b: &[i8]) -> [__m512i; 2] {
        let (a, b) = (bits!([i8; 32] => __m256i, first(a)), bits!([i8; 32] => __m256i, first(b)));
        avx512!({
            // Unpacking works in halves: the first quarter of all and the second must be in halves of
            // their own.
            let a = _mm256_permute4x64_epi64::<0b11_01_10_00>(a);
            let b = _mm256_permute4x64_epi64::<0b11_01_10_00>(b);
            [
                _mm512_cvtepi8_epi16(_mm256_unpacklo_epi8(a, b)),
                _mm512_cvtepi8_epi16(_mm256_unpackhi_epi8(a, b)),
            ]
        })
    }

    #[inline(always)]
    fn load_pairs(self, from: &[i16]) -> __m512i {
        bits!([i16; 2 * LANES] => __m512i, first(from))
    }

    #[inline(always)]
    fn widen_pairs(self, from: &[i8]) -> __m512i {
        let bytes = bits!([i8; 32] => __m256i, first(from));
        avx512!(_mm512_cvtepi8_epi16(bytes))
    }

    #[inline(always)]
    fn splat_pair(self, pair: [i16; 2]) -> __m512i {
        let pair = bits!([i16; 2] => i32, pair);
        avx512!(_mm512_set1_epi32(pair))
    }

    #[inline(always)]
    fn dot_pairs(self, sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        avx512!(_mm512_dpwssd_epi32(sum, a, b))
    }

    #[inline(always)]
    fn stage(self, from: &[i8], to: &mut [u8]) {
        super::stage_unsigned(from, to);
    }

    #[inline(always)]
    fn groups(from: &[u8]) -> &[[u8; 4]] {
        from.as_chunks().0
    }

    #[inline(always)]
    fn splat_group(self, group: [u8; 4]) -> __m512i {
        let group = i32::from_le_bytes(group);
        avx512!(_mm512_set1_epi32(group))
    }

    #[inline(always)]
    fn load_groups(self, from: &[i8]) -> __m512i {
        bits!([i8; 4 * LANES] => __m512i, first(from))
    }

    #[inline(always)]
    fn dot(self, sum: __m512i, activations: __m512i, weights: __m512i) -> __m512i {
        avx512!(_mm512_dpbusd_epi32(sum, activations, weights))
    }

    #[inline(always)]
    fn splat_f32(self, x: f32) -> __m512 {
        avx512!(_mm512_set1_ps(x))
    }

    #[inline(always)]
    fn load_f32(self, from: &[f32]) -> __m512 {
        bits!([f32; LANES] => __m512, first(from))
    }

    #[inline(always)]
    fn store_f32(self, x: __m512, to: &mut [f32]) {
        write(bits!(__m512 => [f32; LANES], x), to);
    }

    #[inline(always)]
    fn mul_add_f32(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        avx512!(_mm512_fmadd_ps(a, b, c))
    }

    #[inline(always)]
    fn min_f32(self, a: __m512, b: __m512) -> __m512 {
        avx512!(_mm512_min_ps(b, a))
    }

    #[inline(always)]
    fn max_f32(self, a: __m512, b: __m512) -> __m512 {
        avx512!(_mm512_max_ps(b, a))
    }
}
