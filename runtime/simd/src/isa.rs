//! The vector operations that kernels are written in.

mod levels;

use bytemuck::Pod;

#[allow(unused_imports, reason = "not every architecture has levels that build on another")]
pub(crate) use levels::{groups_of_pairs, inherit, no_half};

/// A computation that runs on any level.
pub trait Kernel {
    /// What it gives.
    type Output;

    /// Runs with the vectors of `simd`. Mark it `#[inline(always)]`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// A part of a kernel on one level: [`Simd::apart`] makes a function of it.
pub trait Part<S: Simd> {
    /// What it gives.
    type Output;

    /// Runs with the vectors of `simd`. Mark it `#[inline(always)]`.
    fn run(self, simd: S) -> Self::Output;
}

/// The most elements of the depth that any level multiplies and adds in one instruction.
pub const MAX_GROUP: usize = 4;

/// The vectors of one level. A value proves that the processor has it.
///
/// Loads read missing elements as 0, stores drop lanes that have no place, so slices may be shorter
/// than a vector.
///
/// int8 products come as groups: a lane's sum takes [`Simd::GROUP`] neighbours of the depth at once,
/// as many as the level multiplies and adds in one instruction. Activations are staged for that, each
/// row once: widened, or moved by [`Simd::OFFSET`] where the instruction wants them unsigned.
pub trait Simd: Copy {
    /// 32-bit lanes of a vector.
    const LANES: usize;

    /// Elements of the depth that [`Simd::dot`] takes for each lane.
    const GROUP: usize;

    /// What a staged activation has on top of its int8 value.
    const OFFSET: i32;

    /// Rows of activations that a tile of sums has: as many as the registers hold beside two vectors
    /// of columns.
    const ROWS: usize;

    /// Whether [`Simd::requantize_near`] is faster than [`Simd::requantize`].
    const NEAR: bool = false;

    /// The same level with vectors of half as many lanes, for matrices of few columns; itself where it has
    /// none.
    type Half: Simd;

    /// `LANES` integers of 32 bits.
    type I32: Copy;

    /// `LANES` floats of 32 bits.
    type F32: Copy;

    /// `LANES` pairs of 16-bit integers.
    type Pairs: Copy;

    /// A staged activation.
    type Element: Pod;

    /// [`Simd::GROUP`] staged activations.
    type Group: Copy;

    /// `LANES` groups.
    type Groups: Copy;

    /// The level of half as many lanes.
    fn half(self) -> Self::Half;

    /// Runs `part` in a function of its own, so that its loops have all registers to themselves.
    fn apart<P: Part<Self>>(self, part: P) -> P::Output;

    /// All lanes `x`.
    fn splat_i32(self, x: i32) -> Self::I32;

    /// The first elements of `from`.
    fn load_i32(self, from: &[i32]) -> Self::I32;

    /// Writes the lanes to the start of `to`.
    fn store_i32(self, x: Self::I32, to: &mut [i32]);

    /// The first elements of `from`, widened.
    fn load_i8(self, from: &[i8]) -> Self::I32;

    /// Writes the lanes, which must fit 8 bits, to the start of `to`.
    fn store_i8(self, x: Self::I32, to: &mut [i8]);

    /// Writes the lanes, which must fit 16 bits, to the start of `to`.
    fn store_i16(self, x: Self::I32, to: &mut [i16]);

    /// Writes `clamp(x + zero)` for the lanes of all vectors, one after the other, to the start of
    /// `to`; with `UNSIGNED` 128 more, as the bits of an uint8. `zero` fits 9 bits; the limits fit 8.
    fn store_clamped<const N: usize, const UNSIGNED: bool>(
        self,
        x: [Self::I32; N],
        zero: i32,
        limits: (i32, i32),
        to: &mut [i8],
    );

    /// As [`Simd::store_clamped`], for two rows.
    #[inline(always)]
    fn store_clamped_pair<const N: usize, const UNSIGNED: bool>(
        self,
        x: [[Self::I32; N]; 2],
        zero: i32,
        limits: (i32, i32),
        to: [&mut [i8]; 2],
    ) {
        store_clamped_in_turn::<Self, N, UNSIGNED>(self, x, zero, limits, to);
    }

    /// `a + b`, wrapping.
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;

    /// `a - b`, wrapping.
    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;

    /// `a * b`, wrapping.
    fn mul_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;

    /// The smaller of each two lanes.
    fn min_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;

    /// The larger of each two lanes.
    fn max_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;

    /// `a << count`, counts in `0..=31`.
    fn shift_left(self, a: Self::I32, count: Self::I32) -> Self::I32;

    /// `round(a * b / 2^31)`, halves up, for `b` that are not negative.
    fn doubling_high_mul(self, a: Self::I32, b: Self::I32) -> Self::I32;

    /// `round(a / 2^count)`, halves away from zero, counts in `0..=31`.
    fn rounding_shift_right(self, a: Self::I32, count: Self::I32) -> Self::I32;

    /// `round(round(sum * q / 2^31) / 2^right)`, rounded as [`Simd::doubling_high_mul`] and
    /// [`Simd::rounding_shift_right`] do, for sums less than `2^30` from 0, `q` that are not negative, `right`
    /// in `1..=31`, and `half` that are `2^(right - 1)`.
    #[inline(always)]
    fn requantize(self, sum: Self::I32, q: Self::I32, right: Self::I32, _half: Self::I32) -> Self::I32 {
        self.rounding_shift_right(self.doubling_high_mul(sum, q), right)
    }

    /// The lowest 32 bits of `(sum * q + half) / 2^right`, rounded down, in 64 bits, for `right` in `1..=32` and `half`
    /// that are `2^(right - 1)`, the last one as the bits of an unsigned number.
    fn requantize_wide(self, sum: Self::I32, q: Self::I32, right: Self::I32, half: Self::I32) -> Self::I32;

    /// The integer nearest to `sum * factor + away`, `away` with the sign of the sum (that of 0 is plus), rounded once or
    /// twice on the way as [`Simd::mul_add_f32`] is and then as [`Simd::nearest_f32`], for an `away` that is not negative.
    fn requantize_near(self, sum: Self::I32, factor: Self::F32, away: Self::F32) -> Self::I32;

    /// `by` where the two of `equal` are, elsewhere `x`.
    fn replace(self, x: Self::I32, equal: (Self::I32, Self::I32), by: Self::I32) -> Self::I32;

    /// Pairs of neighbours of `from`, widened: `(from[0], from[1]), (from[2], from[3]), ...`.
    fn widen_pairs(self, from: &[i8]) -> Self::Pairs;

    /// Pairs of neighbours of `from`: `(from[0], from[1]), (from[2], from[3]), ...`.
    fn load_pairs(self, from: &[i16]) -> Self::Pairs;

    /// All pairs `(pair[0], pair[1])`.
    fn splat_pair(self, pair: [i16; 2]) -> Self::Pairs;

    /// `sum + a.0 * b.0 + a.1 * b.1` in each lane.
    fn dot_pairs(self, sum: Self::I32, a: Self::Pairs, b: Self::Pairs) -> Self::I32;

    /// Stages activations, as many as both slices have.
    fn stage(self, from: &[i8], to: &mut [Self::Element]);

    /// The group of staged activations that starts at element `at`; `None` where there are too few.
    fn group(from: &[Self::Element], at: usize) -> Option<Self::Group>;

    /// All lanes the same group.
    fn splat_group(self, group: Self::Group) -> Self::Groups;

    /// The groups of weights that `from` starts with: `LANES * GROUP` elements.
    fn load_groups(self, from: &[i8]) -> Self::Groups;

    /// Stages one element of each of the first `GROUP` rows as a group, and so all of them one after the other, as
    /// many as `to` has room for and the rows have elements; what a missing row stands for is not said.
    fn weave(self, rows: [&[i8]; MAX_GROUP], to: &mut [Self::Element]);

    /// The woven groups that `from` starts with: `LANES * GROUP` elements.
    fn load_woven(self, from: &[Self::Element]) -> Self::Groups;

    /// `sum` and the products of the group's elements, in each lane.
    fn dot(self, sum: Self::I32, activations: Self::Groups, weights: Self::Groups) -> Self::I32;

    /// The nearest floats; of two as near, the one with an even last bit.
    fn to_f32(self, x: Self::I32) -> Self::F32;

    /// The nearest integers, halves away from zero, of numbers less than `2^31` from 0; 0 for what is no number.
    fn round_f32(self, x: Self::F32) -> Self::I32;

    /// The nearest integers, of two as near the even one, of numbers less than `2^31` from 0.
    fn nearest_f32(self, x: Self::F32) -> Self::I32;

    /// The floats of these bits.
    fn f32_of_bits(self, x: Self::I32) -> Self::F32;

    /// All lanes `x`.
    fn splat_f32(self, x: f32) -> Self::F32;

    /// The first elements of `from`.
    fn load_f32(self, from: &[f32]) -> Self::F32;

    /// Writes the lanes to the start of `to`.
    fn store_f32(self, x: Self::F32, to: &mut [f32]);

    /// `a * b + c`, rounded once or twice as the level has it.
    fn mul_add_f32(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;

    /// `a / b`.
    fn div_f32(self, a: Self::F32, b: Self::F32) -> Self::F32;

    /// The smaller of each two lanes; that of `a` where one is no number.
    fn min_f32(self, a: Self::F32, b: Self::F32) -> Self::F32;

    /// The larger of each two lanes; that of `a` where one is no number.
    fn max_f32(self, a: Self::F32, b: Self::F32) -> Self::F32;
}

/// [`Simd::store_clamped_pair`], a row after the other.
#[inline(always)]
pub(crate) fn store_clamped_in_turn<S: Simd, const N: usize, const UNSIGNED: bool>(
    simd: S,
    [a, b]: [[S::I32; N]; 2],
    zero: i32,
    limits: (i32, i32),
    [to, next]: [&mut [i8]; 2],
) {
    simd.store_clamped::<N, UNSIGNED>(a, zero, limits, to);
    simd.store_clamped::<N, UNSIGNED>(b, zero, limits, next);
}

/// What is nearly a half, and so rounds numbers when it is added to them and what is behind the point cut off: a
/// half would round up the number just below a half.
pub(crate) const NEARLY_HALF: f32 = 0.499_999_97;

/// Elements of two rows side by side, widened, as many as there is room for.
#[inline(always)]
pub fn weave_pairs<T: Copy + Into<i16>>(a: &[T], b: &[T], to: &mut [i16]) {
    const BLOCK: usize = 16;
    let length = a.len().min(b.len()).min(to.len() / 2);
    let (blocks, _) = to.as_chunks_mut::<{ 2 * BLOCK }>();
    for ((to, a), b) in blocks.iter_mut().zip(a.as_chunks::<BLOCK>().0).zip(b.as_chunks::<BLOCK>().0) {
        // In memory of its own, so that the compiler sees that the rows do not change meanwhile.
        let mut block = [0; 2 * BLOCK];
        for i in 0..BLOCK {
            block[2 * i] = a[i].into();
            block[2 * i + 1] = b[i].into();
        }
        *to = block;
    }
    let done = length / BLOCK * BLOCK;
    let rest = to.as_chunks_mut::<2>().0.iter_mut().zip(a).zip(b).skip(done);
    for ((to, &a), &b) in rest {
        *to = [a.into(), b.into()];
    }
}
