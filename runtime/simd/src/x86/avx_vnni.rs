//! AVX2 with AVX-VNNI: four int8 products of a lane at once.

use core::arch::x86_64::*;

use super::{Avx2, Weave, groups_of_four};
use crate::isa::{Kernel, MAX_GROUP, Part, Simd, inherit, no_half};
use crate::slices::{bits, first};

/// Proof that the processor has AVX2, FMA and AVX-VNNI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvxVnni(Avx2);

impl AvxVnni {
    /// Asks the processor (feature `std`) or the compiler's target.
    pub fn detect() -> Option<Self> {
        #[cfg(feature = "std")]
        let has = std::arch::is_x86_feature_detected!("avxvnni");
        #[cfg(not(feature = "std"))]
        let has = cfg!(target_feature = "avxvnni");
        Avx2::detect().filter(|_| has).map(Self)
    }

    /// Runs `kernel` compiled with AVX-VNNI.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma,avxvnni")]
        fn go<K: Kernel>(simd: AvxVnni, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: a value of `AvxVnni` is only made where the processor has all of these.
        unsafe { go(self, kernel) }
    }
}

impl Weave<32> for AvxVnni {
    #[inline(always)]
    fn weave_cells(self, rows: [&[i8; 32]; 4], to: &mut [u8]) {
        self.0.weave_cells(rows, to);
    }
}

impl Simd for AvxVnni {
    const LANES: usize = Avx2::LANES;
    const ROWS: usize = 4;
    const NEAR: bool = true;

    inherit!(Avx2);
    no_half!();
    groups_of_four!(__m256i, 32);

    // Not on the function within: for those with target features the compiler forgets it.
    #[inline(never)]
    fn apart<P: Part<Self>>(self, part: P) -> P::Output {
        #[target_feature(enable = "avx2,fma,avxvnni")]
        fn go<P: Part<AvxVnni>>(simd: AvxVnni, part: P) -> P::Output {
            part.run(simd)
        }
        // SAFETY: a value of `AvxVnni` is only made where the processor has all of these.
        unsafe { go(self, part) }
    }

    #[inline(always)]
    fn dot_pairs(self, sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: `self` proves that the processor has AVX-VNNI; only registers are touched.
        unsafe { _mm256_dpwssd_avx_epi32(sum, a, b) }
    }

    #[inline(always)]
    fn dot(self, sum: __m256i, activations: __m256i, weights: __m256i) -> __m256i {
        // SAFETY: `self` proves that the processor has AVX-VNNI; only registers are touched.
        unsafe { _mm256_dpbusd_avx_epi32(sum, activations, weights) }
    }
}
