//! AVX-512 with VNNI, by its 256-bit vectors: for matrices of few columns.

use core::arch::x86_64::*;

use super::{Avx2, Avx512Vnni, Weave, groups_of_four};
use crate::isa::{MAX_GROUP, Part, Simd, inherit, no_half};
use crate::slices::{bits, first};

/// Proof that the processor has what [`Avx512Vnni`] proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx512VnniHalf(Avx2);

impl Avx512VnniHalf {
    pub(super) fn of(whole: Avx512Vnni) -> Self {
        Self(whole.0)
    }
}

impl Weave<32> for Avx512VnniHalf {
    #[inline(always)]
    fn weave_cells(self, rows: [&[i8; 32]; 4], to: &mut [u8]) {
        self.0.weave_cells(rows, to);
    }
}

impl Simd for Avx512VnniHalf {
    const LANES: usize = Avx2::LANES;
    const ROWS: usize = 8;
    const NEAR: bool = true;

    inherit!(Avx2);
    no_half!();
    groups_of_four!(__m256i, 32);

    // Not on the function within: for those with target features the compiler forgets it.
    #[inline(never)]
    fn apart<P: Part<Self>>(self, part: P) -> P::Output {
        #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512vnni")]
        fn go<P: Part<Avx512VnniHalf>>(simd: Avx512VnniHalf, part: P) -> P::Output {
            part.run(simd)
        }
        // SAFETY: a value of `Avx512VnniHalf` is only made of one of `Avx512Vnni`, which proves all of these.
        unsafe { go(self, part) }
    }

    #[inline(always)]
    fn dot_pairs(self, sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: `self` proves that the processor has AVX-512 VNNI and VL; only registers are touched.
        unsafe { _mm256_dpwssd_epi32(sum, a, b) }
    }

    #[inline(always)]
    fn dot(self, sum: __m256i, activations: __m256i, weights: __m256i) -> __m256i {
        // SAFETY: `self` proves that the processor has AVX-512 VNNI and VL; only registers are touched.
        unsafe { _mm256_dpbusd_epi32(sum, activations, weights) }
    }
}
