//! The products that sums are made of: activations as they are staged, weights as they are packed.

mod float;
mod int8;
mod pairs;

use bytemuck::Pod;
use sedge_simd::{MAX_GROUP, Simd};

pub(in crate::kernels) use float::Float;
pub(in crate::kernels) use int8::Int8;
pub(in crate::kernels) use pairs::{Int16, UInt8};

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
pub(in crate::kernels) trait Integers: Product<Weight: Into<i32>> {
    /// Whether the rule has sums and biases of 64 bits, and rounds once.
    const WIDE: bool = false;

    /// The most that an activation can be from its zero point.
    const FARTHEST: i64 = 255;

    /// The activation of this value.
    fn value(x: i32) -> Self::Value;

    /// The weight of a tensor's byte, less its zero point.
    fn weight(byte: u8, zero: i32) -> Self::Weight;

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
