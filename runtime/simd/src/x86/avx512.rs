//! AVX-512 with VNNI: 512-bit vectors, sixteen 32-bit lanes, four int8 products of a lane at once.

use core::arch::x86_64::*;

use super::{Avx2, Avx512VnniHalf, Weave, groups_of_four};
use crate::isa::{Kernel, MAX_GROUP, NEARLY_HALF, Part, Simd, store_clamped_in_turn};
use crate::slices::{bits, first, write};

const LANES: usize = 16;

/// Proof that the processor has AVX2, AVX-512 (F, BW, VL) and VNNI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx512Vnni(pub(super) Avx2);

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
        Avx2::detect().filter(|_| has).map(Self)
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

/// The first `count` lanes, of sixteen.
#[inline(always)]
fn mask(count: usize) -> u16 {
    !(u32::MAX << count.min(LANES)) as u16
}

impl Avx512Vnni {
    /// Writes as many bytes as there is room for.
    #[inline(always)]
    fn store_bytes(self, x: __m128i, to: &mut [i8]) {
        match to.first_chunk_mut::<LANES>() {
            Some(all) => *all = bits!(__m128i => [i8; LANES], x),
            // SAFETY: `self` proves AVX-512BW and VL; only the bytes that the mask has are written, and the slice
            // has them.
            None => unsafe { _mm_mask_storeu_epi8(to.as_mut_ptr(), mask(to.len()), x) },
        }
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

impl Weave<64> for Avx512Vnni {
    #[inline(always)]
    fn weave_cells(self, rows: [&[i8; 64]; 4], to: &mut [u8]) {
        let sign = avx512!(_mm512_set1_epi8(i8::MIN));
        let mut moved = [sign; 4];
        for (to, row) in moved.iter_mut().zip(rows) {
            let row = bits!([i8; 64] => __m512i, *row);
            *to = avx512!(_mm512_xor_si512(row, sign));
        }
        let [a, b, c, d] = moved;
        let groups = avx512!({
            // Unpacking works in quarters: each result has four groups of each.
            let (ab, cd) = (_mm512_unpacklo_epi8(a, b), _mm512_unpacklo_epi8(c, d));
            let (first, second) = (_mm512_unpacklo_epi16(ab, cd), _mm512_unpackhi_epi16(ab, cd));
            let (ab, cd) = (_mm512_unpackhi_epi8(a, b), _mm512_unpackhi_epi8(c, d));
            let (third, fourth) = (_mm512_unpacklo_epi16(ab, cd), _mm512_unpackhi_epi16(ab, cd));
            // The quarters of all four, in order.
            let (low, high) =
                (_mm512_shuffle_i32x4::<0x44>(first, second), _mm512_shuffle_i32x4::<0x44>(third, fourth));
            let (low_rest, high_rest) =
                (_mm512_shuffle_i32x4::<0xee>(first, second), _mm512_shuffle_i32x4::<0xee>(third, fourth));
            [
                _mm512_shuffle_i32x4::<0x88>(low, high),
                _mm512_shuffle_i32x4::<0xdd>(low, high),
                _mm512_shuffle_i32x4::<0x88>(low_rest, high_rest),
                _mm512_shuffle_i32x4::<0xdd>(low_rest, high_rest),
            ]
        });
        for (to, groups) in to.chunks_mut(64).zip(groups) {
            write(bits!(__m512i => [u8; 64], groups), to);
        }
    }
}

impl Simd for Avx512Vnni {
    const LANES: usize = LANES;
    const ROWS: usize = 8;
    const NEAR: bool = true;
    type Half = Avx512VnniHalf;
    type I32 = __m512i;
    type F32 = __m512;
    type Pairs = __m512i;

    groups_of_four!(__m512i, 64);

    #[inline(always)]
    fn half(self) -> Avx512VnniHalf {
        Avx512VnniHalf::of(self)
    }

    // Not on the function within: for those with target features the compiler forgets it.
    #[inline(never)]
    fn apart<P: Part<Self>>(self, part: P) -> P::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
        fn go<P: Part<Avx512Vnni>>(simd: Avx512Vnni, part: P) -> P::Output {
            part.run(simd)
        }
        // SAFETY: a value of `Avx512Vnni` is only made where the processor has all of these.
        unsafe { go(self, part) }
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> __m512i {
        avx512!(_mm512_set1_epi32(x))
    }

    #[inline(always)]
    fn load_i32(self, from: &[i32]) -> __m512i {
        match from.first_chunk::<LANES>() {
            Some(&all) => bits!([i32; LANES] => __m512i, all),
            // SAFETY: `self` proves AVX-512F; only the lanes that the mask has are read, and the slice has them.
            None => unsafe { _mm512_maskz_loadu_epi32(mask(from.len()), from.as_ptr()) },
        }
    }

    #[inline(always)]
    fn store_i32(self, x: __m512i, to: &mut [i32]) {
        match to.first_chunk_mut::<LANES>() {
            Some(all) => *all = bits!(__m512i => [i32; LANES], x),
            // SAFETY: `self` proves AVX-512F; only the lanes that the mask has are written, and the slice has them.
            None => unsafe { _mm512_mask_storeu_epi32(to.as_mut_ptr(), mask(to.len()), x) },
        }
    }

    #[inline(always)]
    fn load_i8(self, from: &[i8]) -> __m512i {
        let bytes = bits!([i8; LANES] => __m128i, first(from));
        avx512!(_mm512_cvtepi8_epi32(bytes))
    }

    #[inline(always)]
    fn store_i8(self, x: __m512i, to: &mut [i8]) {
        self.store_bytes(avx512!(_mm512_cvtepi32_epi8(x)), to);
    }

    #[inline(always)]
    fn store_i16(self, x: __m512i, to: &mut [i16]) {
        let words = avx512!(_mm512_cvtepi32_epi16(x));
        write(bits!(__m256i => [i16; LANES], words), to);
    }

    #[inline(always)]
    fn store_clamped<const N: usize, const UNSIGNED: bool>(
        self,
        x: [__m512i; N],
        zero: i32,
        (min, max): (i32, i32),
        to: &mut [i8],
    ) {
        if N == 2
            && let Some(to) = to.first_chunk_mut::<{ 2 * LANES }>()
        {
            // Saturated at 16 bits on the way, which is outside the limits with any zero point.
            let bytes = avx512!({
                let words = _mm512_packs_epi32(x[0], x[1]);
                let words = _mm512_adds_epi16(words, _mm512_set1_epi16(zero as i16));
                // Quarters have four lanes of the first vector, then four of the second.
                let order = _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7);
                let bytes = _mm256_permutevar8x32_epi32(_mm512_cvtsepi16_epi8(words), order);
                let bytes = _mm256_max_epi8(bytes, _mm256_set1_epi8(min as i8));
                let bytes = _mm256_min_epi8(bytes, _mm256_set1_epi8(max as i8));
                if UNSIGNED { _mm256_xor_si256(bytes, _mm256_set1_epi8(i8::MIN)) } else { bytes }
            });
            *to = bits!(__m256i => [i8; 2 * LANES], bytes);
            return;
        }
        for (x, to) in x.into_iter().zip(to.chunks_mut(LANES)) {
            let bytes = avx512!({
                let bytes = _mm512_cvtsepi32_epi8(_mm512_add_epi32(x, _mm512_set1_epi32(zero)));
                let bytes = _mm_max_epi8(bytes, _mm_set1_epi8(min as i8));
                let bytes = _mm_min_epi8(bytes, _mm_set1_epi8(max as i8));
                if UNSIGNED { _mm_xor_si128(bytes, _mm_set1_epi8(i8::MIN)) } else { bytes }
            });
            self.store_bytes(bytes, to);
        }
    }

    #[inline(always)]
    fn store_clamped_pair<const N: usize, const UNSIGNED: bool>(
        self,
        [a, b]: [[__m512i; N]; 2],
        zero: i32,
        (min, max): (i32, i32),
        [to, next]: [&mut [i8]; 2],
    ) {
        const BOTH: usize = 2 * LANES;
        if N != 2 || to.len() < BOTH || next.len() < BOTH {
            return store_clamped_in_turn::<_, N, UNSIGNED>(self, [a, b], zero, (min, max), [to, next]);
        }
        // Saturated at 16 bits on the way, which is outside the limits with any zero point.
        let bytes = avx512!({
            let zero = _mm512_set1_epi16(zero as i16);
            let a = _mm512_adds_epi16(_mm512_packs_epi32(a[0], a[1]), zero);
            let b = _mm512_adds_epi16(_mm512_packs_epi32(b[0], b[1]), zero);
            // Quarters have four lanes of each of the four vectors.
            let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            let bytes = _mm512_permutexvar_epi32(order, _mm512_packs_epi16(a, b));
            let bytes = _mm512_max_epi8(bytes, _mm512_set1_epi8(min as i8));
            let bytes = _mm512_min_epi8(bytes, _mm512_set1_epi8(max as i8));
            if UNSIGNED { _mm512_xor_si512(bytes, _mm512_set1_epi8(i8::MIN)) } else { bytes }
        });
        let [first, second] = bits!(__m512i => [[i8; BOTH]; 2], bytes);
        write(first, to);
        write(second, next);
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
    fn requantize(self, sum: __m512i, q: __m512i, right: __m512i, half: __m512i) -> __m512i {
        // With twice the sum, the upper halves of the products are the first result. Half a unit of the second is added to
        // them at once.
        avx512!({
            let (twice, up) = (_mm512_add_epi32(sum, sum), _mm512_set1_epi64(1 << 31));
            let even_half = _mm512_or_si512(_mm512_slli_epi64::<32>(half), up);
            let odd_half = _mm512_mask_blend_epi32(0b1010_1010_1010_1010, up, half);
            let even = _mm512_add_epi64(_mm512_mul_epi32(twice, q), even_half);
            let odd = _mm512_mul_epi32(_mm512_srli_epi64::<32>(twice), _mm512_srli_epi64::<32>(q));
            let odd = _mm512_add_epi64(odd, odd_half);
            let more = _mm512_mask_shuffle_epi32::<0b11_11_01_01>(odd, 0b0101_0101_0101_0101, even);
            // Less by one where that was negative: halves are rounded away from zero. Results from `-half` to -1 are 0 or more
            // now; of these it matters for `-half` alone.
            let down = _mm512_cmple_epi32_mask(more, _mm512_setzero_si512());
            let rounded = _mm512_mask_sub_epi32(more, down, more, _mm512_set1_epi32(1));
            _mm512_srav_epi32(rounded, right)
        })
    }

    #[inline(always)]
    fn requantize_wide(self, sum: __m512i, q: __m512i, right: __m512i, half: __m512i) -> __m512i {
        avx512!({
            let low = _mm512_set1_epi64(0xffff_ffff);
            let even = _mm512_add_epi64(_mm512_mul_epi32(sum, q), _mm512_and_si512(half, low));
            let even = _mm512_srlv_epi64(even, _mm512_and_si512(right, low));
            let odd = _mm512_mul_epi32(_mm512_srli_epi64::<32>(sum), _mm512_srli_epi64::<32>(q));
            let odd = _mm512_add_epi64(odd, _mm512_srli_epi64::<32>(half));
            let odd = _mm512_srlv_epi64(odd, _mm512_srli_epi64::<32>(right));
            _mm512_mask_shuffle_epi32::<0b10_10_00_00>(even, 0b1010_1010_1010_1010, odd)
        })
    }

    #[inline(always)]
    fn requantize_near(self, sum: __m512i, factor: __m512, away: __m512) -> __m512i {
        avx512!({
            const OR_AND: i32 = 0b1111_1000;
            let sign = _mm512_set1_epi32(i32::MIN);
            let away = _mm512_ternarylogic_epi32::<OR_AND>(_mm512_castps_si512(away), sum, sign);
            let scaled = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), factor, _mm512_castsi512_ps(away));
            _mm512_cvtps_epi32(scaled)
        })
    }

    #[inline(always)]
    fn replace(self, x: __m512i, equal: (__m512i, __m512i), by: __m512i) -> __m512i {
        avx512!(_mm512_mask_mov_epi32(x, _mm512_cmpeq_epi32_mask(equal.0, equal.1), by))
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
    fn dot(self, sum: __m512i, activations: __m512i, weights: __m512i) -> __m512i {
        avx512!(_mm512_dpbusd_epi32(sum, activations, weights))
    }

    #[inline(always)]
    fn to_f32(self, x: __m512i) -> __m512 {
        avx512!(_mm512_cvtepi32_ps(x))
    }

    #[inline(always)]
    fn round_f32(self, x: __m512) -> __m512i {
        avx512!({
            let bits = _mm512_castps_si512(x);
            let half = _mm512_castps_si512(_mm512_set1_ps(NEARLY_HALF));
            let half = _mm512_or_si512(half, _mm512_and_si512(bits, _mm512_set1_epi32(i32::MIN)));
            let rounded = _mm512_add_ps(x, _mm512_castsi512_ps(half));
            _mm512_maskz_cvttps_epi32(_mm512_cmp_ps_mask::<_CMP_ORD_Q>(x, x), rounded)
        })
    }

    #[inline(always)]
    fn nearest_f32(self, x: __m512) -> __m512i {
        avx512!(_mm512_cvtps_epi32(x))
    }

    #[inline(always)]
    fn f32_of_bits(self, x: __m512i) -> __m512 {
        avx512!(_mm512_castsi512_ps(x))
    }

    #[inline(always)]
    fn splat_f32(self, x: f32) -> __m512 {
        avx512!(_mm512_set1_ps(x))
    }

    #[inline(always)]
    fn load_f32(self, from: &[f32]) -> __m512 {
        match from.first_chunk::<LANES>() {
            Some(&all) => bits!([f32; LANES] => __m512, all),
            // SAFETY: `self` proves AVX-512F; only the lanes that the mask has are read, and the slice has them.
            None => unsafe { _mm512_maskz_loadu_ps(mask(from.len()), from.as_ptr()) },
        }
    }

    #[inline(always)]
    fn store_f32(self, x: __m512, to: &mut [f32]) {
        match to.first_chunk_mut::<LANES>() {
            Some(all) => *all = bits!(__m512 => [f32; LANES], x),
            // SAFETY: `self` proves AVX-512F; only the lanes that the mask has are written, and the slice has them.
            None => unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr(), mask(to.len()), x) },
        }
    }

    #[inline(always)]
    fn mul_add_f32(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        avx512!(_mm512_fmadd_ps(a, b, c))
    }

    #[inline(always)]
    fn div_f32(self, a: __m512, b: __m512) -> __m512 {
        avx512!(_mm512_div_ps(a, b))
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
