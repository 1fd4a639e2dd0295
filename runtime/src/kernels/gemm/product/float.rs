//! float32 with float32.

use sedge_simd::Simd;

use super::super::copy;
use super::Product;

/// float32 with float32.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernels) struct Float;

impl Product for Float {
    type Value = f32;
    type Weight = f32;
    type Element<S: Simd> = f32;
    type Group<S: Simd> = f32;
    type Vector<S: Simd> = S::F32;
    type Sums<S: Simd> = S::F32;

    #[inline(always)]
    fn group<S: Simd>() -> usize {
        1
    }

    #[inline(always)]
    fn stage<S: Simd>(_simd: S, from: &[f32], to: &mut [f32]) {
        copy(from, to);
    }

    #[inline(always)]
    fn activations<S: Simd>(from: &[f32], at: usize) -> Option<f32> {
        from.get(at).copied()
    }

    #[inline(always)]
    fn zero<S: Simd>(simd: S) -> S::F32 {
        simd.splat_f32(0.0)
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[f32]) -> S::F32 {
        simd.load_f32(from)
    }

    #[inline(always)]
    fn step<S: Simd>(simd: S, sums: S::F32, activations: f32, weights: S::F32) -> S::F32 {
        simd.mul_add_f32(simd.splat_f32(activations), weights, sums)
    }

    #[inline(always)]
    fn join<S: Simd>(simd: S, a: S::F32, b: S::F32) -> S::F32 {
        simd.mul_add_f32(a, simd.splat_f32(1.0), b)
    }
}
