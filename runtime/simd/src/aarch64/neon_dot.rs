//! Neon with dot products (FEAT_DotProd): four int8 products of a lane at once.

use core::arch::aarch64::*;
use core::arch::asm;

use super::Neon;
use crate::isa::{Kernel, MAX_GROUP, Part, Simd, inherit, no_half};
use crate::slices::{bits, first};

/// Proof that the processor has Neon and its dot products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeonDot(Neon);

impl NeonDot {
    /// Asks the processor (feature `std`) or the compiler's target.
    pub fn detect() -> Option<Self> {
        #[cfg(feature = "std")]
        let has = std::arch::is_aarch64_feature_detected!("dotprod");
        #[cfg(not(feature = "std"))]
        let has = cfg!(target_feature = "dotprod");
        Neon::detect().filter(|_| has).map(Self)
    }

    /// Runs `kernel` compiled with dot products.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "neon,dotprod")]
        fn go<K: Kernel>(simd: NeonDot, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: a value of `NeonDot` is only made where the processor has both.
        unsafe { go(self, kernel) }
    }
}

impl Simd for NeonDot {
    const LANES: usize = Neon::LANES;
    const GROUP: usize = 4;
    const OFFSET: i32 = 0;
    const ROWS: usize = 8;
    type Element = i8;
    type Group = [i8; 4];
    type Groups = int8x16_t;

    inherit!(Neon);
    no_half!();

    // Not on the function within: for those with target features the compiler forgets it.
    #[inline(never)]
    fn apart<P: Part<Self>>(self, part: P) -> P::Output {
        #[target_feature(enable = "neon,dotprod")]
        fn go<P: Part<NeonDot>>(simd: NeonDot, part: P) -> P::Output {
            part.run(simd)
        }
        // SAFETY: a value of `NeonDot` is only made where the processor has both.
        unsafe { go(self, part) }
    }

    #[inline(always)]
    fn dot_pairs(self, sum: int32x4_t, a: int16x8_t, b: int16x8_t) -> int32x4_t {
        self.0.dot_pairs(sum, a, b)
    }

    #[inline(always)]
    fn stage(self, from: &[i8], to: &mut [i8]) {
        let length = from.len().min(to.len());
        if let (Some(from), Some(to)) = (from.get(..length), to.get_mut(..length)) {
            to.copy_from_slice(from);
        }
    }

    #[inline(always)]
    fn group(from: &[i8], at: usize) -> Option<[i8; 4]> {
        from.get(at..at + 4)?.first_chunk().copied()
    }

    #[inline(always)]
    fn splat_group(self, group: [i8; 4]) -> int8x16_t {
        let lanes = self.0.splat_i32(bits!([i8; 4] => i32, group));
        bits!(int32x4_t => int8x16_t, lanes)
    }

    #[inline(always)]
    fn load_groups(self, from: &[i8]) -> int8x16_t {
        bits!([i8; 16] => int8x16_t, first(from))
    }

    #[inline(always)]
    fn weave(self, [a, b, c, d]: [&[i8]; MAX_GROUP], to: &mut [i8]) {
        for ((((to, &a), &b), &c), &d) in to.as_chunks_mut().0.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *to = [a, b, c, d];
        }
    }

    #[inline(always)]
    fn load_woven(self, from: &[i8]) -> int8x16_t {
        self.load_groups(from)
    }

    #[inline(always)]
    fn dot(self, sum: int32x4_t, activations: int8x16_t, weights: int8x16_t) -> int32x4_t {
        let mut sum = sum;
        // SAFETY: `self` proves that the processor has the instruction, which touches registers only. (The
        // intrinsic is not stable yet.)
        unsafe {
            asm!(
                ".arch_extension dotprod",
                "sdot {sum:v}.4s, {a:v}.16b, {w:v}.16b",
                sum = inout(vreg) sum,
                a = in(vreg) activations,
                w = in(vreg) weights,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        sum
    }
}
