//! The vector operations that kernels are written in.

/// A computation that runs on any level.
pub trait Kernel {
    /// What it gives.
    type Output;

    /// Runs with the vectors of `simd`. Mark it `#[inline(always)]`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// The vectors of one level. A value proves that the processor has it.
///
/// Loads read missing elements as 0, stores drop lanes that have no place, so slices may be shorter
/// than a vector.
pub trait Simd: Copy {
    /// 32-bit lanes of a vector.
    const LANES: usize;

    /// `LANES` integers of 32 bits.
    type I32: Copy;

    /// `LANES` floats of 32 bits.
    type F32: Copy;

    /// `LANES` pairs of 16-bit integers.
    type Pairs: Copy;

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

    /// All pairs `(pair[0], pair[1])`.
    fn splat_pair(self, pair: [i16; 2]) -> Self::Pairs;

    /// Pairs of neighbours of `from`, widened: `(from[0], from[1]), (from[2], from[3]), ...`.
    fn load_pairs(self, from: &[i8]) -> Self::Pairs;

    /// Pairs of elements of `a` and `b`, widened: `(a[0], b[0]), (a[1], b[1]), ...`.
    fn zip_pairs(self, a: &[i8], b: &[i8]) -> Self::Pairs;

    /// `sum + a.0 * b.0 + a.1 * b.1` in each lane.
    fn dot_pairs(self, sum: Self::I32, a: Self::Pairs, b: Self::Pairs) -> Self::I32;

    /// All lanes `x`.
    fn splat_f32(self, x: f32) -> Self::F32;

    /// The first elements of `from`.
    fn load_f32(self, from: &[f32]) -> Self::F32;

    /// Writes the lanes to the start of `to`.
    fn store_f32(self, x: Self::F32, to: &mut [f32]);

    /// `a * b + c`, rounded once or twice as the level has it.
    fn mul_add_f32(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;

    /// The smaller of each two lanes.
    fn min_f32(self, a: Self::F32, b: Self::F32) -> Self::F32;

    /// The larger of each two lanes.
    fn max_f32(self, a: Self::F32, b: Self::F32) -> Self::F32;
}
