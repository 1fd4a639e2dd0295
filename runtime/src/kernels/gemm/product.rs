//! The products that sums are made of: activations as they are staged, weights as they are packed.

use bytemuck::Pod;
use sedge_simd::{MAX_GROUP, Simd, weave_pairs};

use super::copy;

/// A kind of products.
pub(in crate::kernels) trait Product: Copy + Sync {
    /// An activation as tensors have it.
    type Value: Pod + Sync + Send;
    /// A packed weight.
    type Weight: Pod + Sync;
    /// A staged activation.
    type Element<S: Simd>: Pod;
    /// Staged activations that one step takes.
    type Group<S: Simd>: Copy;
    /// A vector of weights.
    type Vector<S: Simd>: Copy;
    /// A vector of sums.
    type Sums<S: Simd>: Copy;

    /// Elements of the depth that one step takes.
    fn group<S: Simd>() -> usize;

    /// What a staged activation has on top of its value.
    #[inline(always)]
    fn offset<S: Simd>() -> i32 {
        0
    }

    /// Stages activations, as many as both slices have.
    fn stage<S: Simd>(simd: S, from: &[Self::Value], to: &mut [Self::Element<S>]);

    /// The group of staged activations that starts at element `at`; `None` where there are too few.
    fn activations<S: Simd>(from: &[Self::Element<S>], at: usize) -> Option<Self::Group<S>>;

    /// No sum yet.
    fn zero<S: Simd>(simd: S) -> Self::Sums<S>;

    /// A vector of weights: `LANES * group` elements.
    fn load<S: Simd>(simd: S, from: &[Self::Weight]) -> Self::Vector<S>;

    /// The sums with one more step.
    fn step<S: Simd>(
        simd: S,
        sums: Self::Sums<S>,
        activations: Self::Group<S>,
        weights: Self::Vector<S>,
    ) -> Self::Sums<S>;

    /// Two parts of sums together.
    fn join<S: Simd>(simd: S, a: Self::Sums<S>, b: Self::Sums<S>) -> Self::Sums<S>;
}

/// Products of integers.
pub(in crate::kernels) trait Integers: Product {
    /// The activation of this value.
    fn value(x: i32) -> Self::Value;

    /// The weight of a tensor's byte, less its zero point.
    fn weight(byte: u8, zero: i32) -> Self::Weight;

    /// A weight as a number.
    fn number(weight: Self::Weight) -> i32;

    /// Sums as numbers.
    fn sums<S: Simd>(sums: Self::Sums<S>) -> S::I32;

    /// Numbers as sums.
    fn bias<S: Simd>(bias: S::I32) -> Self::Sums<S>;

    /// Stages one element of each of the first `group` rows side by side, and so all of them; what a missing
    /// row stands for is not said.
    fn weave<S: Simd>(simd: S, rows: [&[Self::Value]; MAX_GROUP], to: &mut [Self::Element<S>]);

    /// The sums with the products of the woven groups that `from` starts with.
    fn step_woven<S: Simd>(
        simd: S,
        sums: Self::Sums<S>,
        from: &[Self::Element<S>],
        weights: Self::Vector<S>,
    ) -> Self::Sums<S>;

    /// Writes `clamp(x + zero)` for the lanes of all vectors, as many as there is room for.
    fn store<S: Simd, const N: usize>(
        simd: S,
        x: [S::I32; N],
        zero: i32,
        limits: (i32, i32),
        to: &mut [Self::Value],
    );

    /// As [`Integers::store`], for two rows.
    fn store_pair<S: Simd, const N: usize>(
        simd: S,
        x: [[S::I32; N]; 2],
        zero: i32,
        limits: (i32, i32),
        to: [&mut [Self::Value]; 2],
    );
}

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
    fn number(weight: i8) -> i32 {
        weight.into()
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

/// uint8 with uint8, both with zero points: differences from these have nine bits, so pairs of 16 bits are
/// multiplied.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernels) struct UInt8;

/// What a uint8 is more than the int8 that stands for it where both have zero points.
const TO_SIGNED: i32 = 128;

impl Product for UInt8 {
    type Value = u8;
    type Weight = i16;
    type Element<S: Simd> = i16;
    type Group<S: Simd> = [i16; 2];
    type Vector<S: Simd> = S::Pairs;
    type Sums<S: Simd> = S::I32;

    #[inline(always)]
    fn group<S: Simd>() -> usize {
        2
    }

    #[inline(always)]
    fn stage<S: Simd>(_simd: S, from: &[u8], to: &mut [i16]) {
        for (to, &x) in to.iter_mut().zip(from) {
            *to = x.into();
        }
    }

    #[inline(always)]
    fn activations<S: Simd>(from: &[i16], at: usize) -> Option<[i16; 2]> {
        from.get(at..at + 2)?.first_chunk().copied()
    }

    #[inline(always)]
    fn zero<S: Simd>(simd: S) -> S::I32 {
        simd.splat_i32(0)
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[i16]) -> S::Pairs {
        simd.load_pairs(from)
    }

    #[inline(always)]
    fn step<S: Simd>(simd: S, sums: S::I32, activations: [i16; 2], weights: S::Pairs) -> S::I32 {
        simd.dot_pairs(sums, simd.splat_pair(activations), weights)
    }

    #[inline(always)]
    fn join<S: Simd>(simd: S, a: S::I32, b: S::I32) -> S::I32 {
        simd.add_i32(a, b)
    }
}

impl Integers for UInt8 {
    #[inline(always)]
    fn value(x: i32) -> u8 {
        x as u8
    }

    #[inline(always)]
    fn weight(byte: u8, zero: i32) -> i16 {
        i16::from(byte) - zero as i16
    }

    #[inline(always)]
    fn number(weight: i16) -> i32 {
        weight.into()
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
    fn weave<S: Simd>(_simd: S, [a, b, ..]: [&[u8]; MAX_GROUP], to: &mut [i16]) {
        weave_pairs(a, b, to);
    }

    #[inline(always)]
    fn step_woven<S: Simd>(simd: S, sums: S::I32, from: &[i16], weights: S::Pairs) -> S::I32 {
        simd.dot_pairs(sums, simd.load_pairs(from), weights)
    }

    #[inline(always)]
    fn store<S: Simd, const N: usize>(
        simd: S,
        x: [S::I32; N],
        zero: i32,
        (min, max): (i32, i32),
        to: &mut [u8],
    ) {
        let limits = (min - TO_SIGNED, max - TO_SIGNED);
        simd.store_clamped::<N, true>(x, zero - TO_SIGNED, limits, bytemuck::cast_slice_mut(to));
    }

    #[inline(always)]
    fn store_pair<S: Simd, const N: usize>(
        simd: S,
        x: [[S::I32; N]; 2],
        zero: i32,
        (min, max): (i32, i32),
        to: [&mut [u8]; 2],
    ) {
        let limits = (min - TO_SIGNED, max - TO_SIGNED);
        simd.store_clamped_pair::<N, true>(x, zero - TO_SIGNED, limits, to.map(bytemuck::cast_slice_mut));
    }
}

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
