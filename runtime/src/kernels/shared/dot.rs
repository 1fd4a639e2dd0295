//! Sums of products of rows, by vectors: for matrices that are used as they lie, a row after the other.

use sedge_simd::{Kernel, Simd};

/// The most 32-bit lanes that a vector has on any level.
const MOST_LANES: usize = 64;

/// Rows that are multiplied with one vector at a time: each element of the vector is loaded once for all.
const ROWS: usize = 4;

/// An element type of rows.
pub(crate) trait Row: Copy {
    /// What sums of products are.
    type Sum: Copy;

    /// `sum over k of (x[k] - zero) * rows[i][k]` for each row; rows are as long as `x`.
    fn dots<S: Simd, const N: usize>(simd: S, x: &[Self], zero: i16, rows: [&[Self]; N]) -> [Self::Sum; N];
}

/// The rows, as long as `x`: so one check in a loop does for all of them. None where one is shorter.
#[inline(always)]
fn as_long<'r, T, const N: usize>(x: &[T], mut rows: [&'r [T]; N]) -> Option<[&'r [T]; N]> {
    for row in &mut rows {
        *row = row.get(..x.len())?;
    }
    Some(rows)
}

impl Row for f32 {
    type Sum = f32;

    /// Floats have no zero point.
    #[inline(always)]
    fn dots<S: Simd, const N: usize>(simd: S, x: &[f32], _zero: i16, rows: [&[f32]; N]) -> [f32; N] {
        let mut sums = [simd.splat_f32(0.0); N];
        let Some(rows) = as_long(x, rows) else { return [0.0; N] };
        let whole = x.len() - x.len() % S::LANES;
        for at in (0..whole).step_by(S::LANES) {
            let Some(x) = x.get(at..at + S::LANES) else { break };
            let x = simd.load_f32(x);
            for (sum, row) in sums.iter_mut().zip(rows) {
                let Some(row) = row.get(at..at + S::LANES) else { break };
                *sum = simd.mul_add_f32(x, simd.load_f32(row), *sum);
            }
        }
        if whole < x.len() {
            let x = simd.load_f32(x.get(whole..).unwrap_or_default());
            for (sum, row) in sums.iter_mut().zip(rows) {
                *sum = simd.mul_add_f32(x, simd.load_f32(row.get(whole..).unwrap_or_default()), *sum);
            }
        }
        let (mut lanes, mut totals) = ([0.0; MOST_LANES], [0.0; N]);
        for (total, sum) in totals.iter_mut().zip(sums) {
            simd.store_f32(sum, &mut lanes);
            *total = lanes.iter().take(S::LANES).sum();
        }
        totals
    }
}

impl Row for i8 {
    type Sum = i32;

    #[inline(always)]
    fn dots<S: Simd, const N: usize>(simd: S, x: &[i8], zero: i16, rows: [&[i8]; N]) -> [i32; N] {
        let mut sums = [simd.splat_i32(0); N];
        let less = simd.splat_pair([zero.wrapping_neg(); 2]);
        let Some(rows) = as_long(x, rows) else { return [0; N] };
        let whole = x.len() - x.len() % (2 * S::LANES);
        for at in (0..whole).step_by(2 * S::LANES) {
            let Some(x) = x.get(at..at + 2 * S::LANES) else { break };
            let x = simd.widen_pairs(x);
            for (sum, row) in sums.iter_mut().zip(rows) {
                let Some(row) = row.get(at..at + 2 * S::LANES) else { break };
                *sum = add_pairs(simd, *sum, (x, less, zero), row);
            }
        }
        if whole < x.len() {
            let x = simd.widen_pairs(x.get(whole..).unwrap_or_default());
            for (sum, row) in sums.iter_mut().zip(rows) {
                *sum = add_pairs(simd, *sum, (x, less, zero), row.get(whole..).unwrap_or_default());
            }
        }
        let (mut lanes, mut totals) = ([0i32; MOST_LANES], [0; N]);
        for (total, sum) in totals.iter_mut().zip(sums) {
            simd.store_i32(sum, &mut lanes);
            *total = lanes.iter().take(S::LANES).fold(0i32, |sum, &lane| sum.wrapping_add(lane));
        }
        totals
    }
}

/// The sums with the products of pairs of a row with `x`, and with what `x` is more for its zero point.
#[inline(always)]
fn add_pairs<S: Simd>(
    simd: S,
    sum: S::I32,
    (x, less, zero): (S::Pairs, S::Pairs, i16),
    row: &[i8],
) -> S::I32 {
    let row = simd.widen_pairs(row);
    let sum = simd.dot_pairs(sum, x, row);
    if zero != 0 { simd.dot_pairs(sum, less, row) } else { sum }
}

/// Multiplies a matrix, whose rows lie one after the other, with a vector: `f` gets the number of each row
/// and its sum. Nothing happens where the vector is empty.
pub(crate) struct Rows<'k, T, F> {
    /// The vector.
    pub(crate) x: &'k [T],
    /// The value of `x` that stands for 0.
    pub(crate) zero: i16,
    /// The matrix.
    pub(crate) rows: &'k [T],
    pub(crate) f: F,
}

impl<T: Row, F: FnMut(usize, T::Sum)> Kernel for Rows<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { x, zero, rows, mut f } = self;
        let depth = x.len();
        if depth == 0 {
            return;
        }
        let mut row = 0;
        let mut blocks = rows.chunks_exact((ROWS * depth).max(1));
        for block in blocks.by_ref() {
            let mut rows = block.chunks_exact(depth.max(1));
            let rows: [&[T]; ROWS] = core::array::from_fn(|_| rows.next().unwrap_or_default());
            for sum in T::dots(simd, x, zero, rows) {
                f(row, sum);
                row += 1;
            }
        }
        for rows in blocks.remainder().chunks_exact(depth.max(1)) {
            for sum in T::dots(simd, x, zero, [rows]) {
                f(row, sum);
                row += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use sedge_simd::Level;

    use super::Rows;

    #[test]
    fn sums_are_those_of_the_definition_at_every_length() {
        for level in Level::available() {
            for depth in 1..70usize {
                for count in 0..10usize {
                    let byte = |i: usize| (i.wrapping_mul(2_654_435_761) >> 7) as i8;
                    let x: Vec<i8> = (0..depth).map(byte).collect();
                    let rows: Vec<i8> = (0..depth * count).map(|i| byte(i + 1000)).collect();
                    for zero in [0i16, -128, 127] {
                        let mut found = Vec::new();
                        level.run(Rows { x: &x, zero, rows: &rows, f: |row, sum| found.push((row, sum)) });
                        let sum = |row: &[i8]| -> i32 {
                            x.iter()
                                .zip(row)
                                .map(|(&x, &w)| (i32::from(x) - i32::from(zero)) * i32::from(w))
                                .sum()
                        };
                        let naive: Vec<(usize, i32)> = rows.chunks(depth).map(sum).enumerate().collect();
                        assert_eq!(found, naive, "{level} depth {depth} count {count}");
                    }
                    // Small integers are exact in any order.
                    let floats = |v: &[i8]| -> Vec<f32> { v.iter().map(|&x| f32::from(x)).collect() };
                    let (x, rows) = (floats(&x), floats(&rows));
                    let mut found = Vec::new();
                    level.run(Rows { x: &x, zero: 0, rows: &rows, f: |row, sum| found.push((row, sum)) });
                    let sum = |row: &[f32]| -> f32 { x.iter().zip(row).map(|(x, w)| x * w).sum() };
                    let naive: Vec<(usize, f32)> = rows.chunks(depth).map(sum).enumerate().collect();
                    assert_eq!(found, naive, "{level} depth {depth} count {count}");
                }
            }
        }
    }
}
