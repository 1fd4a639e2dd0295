//! int8 with int8.

use sedge_simd::{MAX_GROUP, Simd};

use super::{Integers, Product};

/// int8 with int8, in the level's groups.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernels) struct Int8;

impl Product for Int8 {
    type Value = i8;
    type Weight = i8;
    type Element<S: Simd> = S::Element;
    type Group<S: Simd> = S::Group;
    type Vector<S: Simd> = S::Groups;
    type Sums<S: Simd> = S::I32;

    #[inline(always)]
    fn group<S: Simd>() -> usize {
        S::GROUP
    }

    #[inline(always)]
    fn offset<S: Simd>() -> i32 {
        S::OFFSET
    }

    #[inline(always)]
    fn stage<S: Simd>(simd: S, from: &[i8], to: &mut [S::Element]) {
        simd.stage(from, to);
    }

    #[inline(always)]
    fn activations<S: Simd>(from: &[S::Element], at: usize) -> Option<S::Group> {
        S::group(from, at)
    }

    #[inline(always)]
    fn zero<S: Simd>(simd: S) -> S::I32 {
        simd.splat_i32(0)
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[i8]) -> S::Groups {
        simd.load_groups(from)
    }

    #[inline(always)]
    fn step<S: Simd>(simd: S, sums: S::I32, activations: S::Group, weights: S::Groups) -> S::I32 {
        simd.dot(sums, simd.splat_group(activations), weights)
    }

    #[inline(always)]
    fn join<S: Simd>(simd: S, a: S::I32, b: S::I32) -> S::I32 {
        simd.add_i32(a, b)
    }
}

impl Integers for Int8 {
    #[inline(always)]
    fn value(x: i32) -> i8 {
        x as i8
    }

    #[inline(always)]
    fn weight(byte: u8, _zero: i32) -> i8 {
        byte as i8
    }

    #[inline(always)]
    fn sums<S: Simd>(sums: S::I32) -> S::I32 {
        sums
    }

    #[inline(always)]
    fn bias<S: Simd>(bias: S::I32) -> S::I32 {
        bias
    }

    #[inline(always)]
    fn weave<S: Simd>(simd: S, rows: [&[i8]; MAX_GROUP], to: &mut [S::Element]) {
        simd.weave(rows, to);
    }

    #[inline(always)]
    fn step_woven<S: Simd>(simd: S, sums: S::I32, from: &[S::Element], weights: S::Groups) -> S::I32 {
        simd.dot(sums, simd.load_woven(from), weights)
    }

    #[inline(always)]
    fn store<S: Simd, const N: usize>(simd: S, x: [S::I32; N], zero: i32, limits: (i32, i32), to: &mut [i8]) {
        simd.store_clamped::<N, false>(x, zero, limits, to);
    }

    #[inline(always)]
    fn store_pair<S: Simd, const N: usize>(
        simd: S,
        x: [[S::I32; N]; 2],
        zero: i32,
        limits: (i32, i32),
        to: [&mut [i8]; 2],
    ) {
        simd.store_clamped_pair::<N, false>(x, zero, limits, to);
    }
}
