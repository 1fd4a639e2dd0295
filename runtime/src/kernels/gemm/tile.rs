//! Tiles of sums: some rows of activations times all columns.

use bytemuck::Pod;
use sedge_simd::{Part, Simd};

use super::product::Product;

/// What makes outputs of sums of products.
pub(in crate::kernels) trait Arithmetic: Copy + Sync {
    /// The products.
    type Product: Product;
    /// An output as tensors have it.
    type Output: Pod + Send;
    /// What the outputs of a vector of columns are made with.
    type Scale<S: Simd>: Copy;

    /// The activation that lies outside an image.
    fn outside(&self) -> Value<Self>;

    /// What the outputs of the vector that starts at `column` are made with.
    fn scale<S: Simd>(&self, simd: S, column: usize) -> Self::Scale<S>;

    /// As [`Arithmetic::scale`], for the `N` vectors from `column` on.
    #[inline(always)]
    fn scales<S: Simd, const N: usize>(&self, simd: S, column: usize) -> [Self::Scale<S>; N] {
        let mut scales = [self.scale(simd, column); N];
        for (n, scale) in scales.iter_mut().enumerate().skip(1) {
            *scale = self.scale(simd, column + n * S::LANES);
        }
        scales
    }

    /// Writes the outputs of one row for `N` vectors of columns, as many as `out` has room for.
    fn finish<S: Simd, const N: usize>(
        &self,
        simd: S,
        scales: &[Self::Scale<S>; N],
        sums: [Sums<Self, S>; N],
        out: &mut [Self::Output],
    );
}

/// An activation of an arithmetic's products.
pub(in crate::kernels) type Value<A> = <<A as Arithmetic>::Product as Product>::Value;
/// A packed weight of them.
pub(in crate::kernels) type Weight<A> = <<A as Arithmetic>::Product as Product>::Weight;
/// A staged activation.
pub(in crate::kernels) type Element<A, S> = <<A as Arithmetic>::Product as Product>::Element<S>;
/// A vector of sums.
pub(in crate::kernels) type Sums<A, S> = <<A as Arithmetic>::Product as Product>::Sums<S>;

/// Packed weights with what turns sums into outputs.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Matrix<'s, A: Arithmetic> {
    pub(super) weights: &'s [Weight<A>],
    /// Columns: filters or units.
    pub(super) count: usize,
    /// Elements of a run.
    pub(super) run: usize,
    /// Whether it is laid out for the level's half.
    pub(in crate::kernels) half: bool,
    pub(super) arithmetic: A,
}

/// Bytes of a block of staged rows that leave room for weights in the nearest cache.
const BLOCK_BYTES: usize = 1 << 13;

/// Rows of a block that is staged at once, for rows of `length` bytes and tiles of `rows`.
pub(super) fn block(length: usize, rows: usize) -> usize {
    (BLOCK_BYTES / length.max(1)).clamp(rows, 8 * rows) / rows * rows
}

impl<A: Arithmetic> Matrix<'_, A> {
    /// Multiplies rows of `run` elements that lie one after the other, each being one run. `scratch` has
    /// room for the rows of a block, staged.
    #[inline(always)]
    pub(in crate::kernels) fn multiply<S: Simd>(
        &self,
        simd: S,
        rows: &[Value<A>],
        scratch: &mut [u8],
        out: &mut [A::Output],
    ) {
        let length = self.run.next_multiple_of(A::Product::group::<S>());
        let block = block(length, S::ROWS);
        let bytes = block * length * size_of::<Element<A, S>>();
        let Ok(staged) = bytemuck::try_cast_slice_mut(scratch.get_mut(..bytes).unwrap_or_default()) else {
            return;
        };
        if self.count == 0 {
            return;
        }
        for (number, out) in out.chunks_mut(block * self.count).enumerate() {
            let rows = rows.get(number * block * self.run..).unwrap_or_default();
            if length == self.run {
                A::Product::stage(simd, rows, staged);
            } else if self.run != 0 {
                for (to, row) in staged.chunks_exact_mut(length).zip(rows.chunks_exact(self.run)) {
                    A::Product::stage(simd, row, to);
                }
            }
            self.tiles(simd, staged, &[0], length, out);
        }
    }

    /// As [`Matrix::multiply`], for an arithmetic that takes activations as they are.
    #[inline(always)]
    pub(in crate::kernels) fn multiply_staged<S: Simd>(
        &self,
        simd: S,
        rows: &[Element<A, S>],
        out: &mut [A::Output],
    ) {
        if self.count != 0 {
            self.tiles(simd, rows, &[0], self.run, out);
        }
    }

    /// Rows whose runs start at `runs` in `staged`, each row `step` elements after the one before.
    #[inline(always)]
    pub(super) fn tiles<S: Simd>(
        &self,
        simd: S,
        staged: &[Element<A, S>],
        runs: &[u32],
        step: usize,
        out: &mut [A::Output],
    ) {
        let mut rest = out;
        let mut start = 0;
        // No tile has more than 8 rows.
        for rows in [8, 4, 2, 1] {
            if rows > S::ROWS {
                continue;
            }
            let tile = rows * self.count;
            let whole = rest.len() / tile * tile;
            if whole == 0 {
                continue;
            }
            let (out, after) = rest.split_at_mut(whole);
            let tiles = Tiles { matrix: self, staged, runs, start, step, out };
            match rows {
                8 if S::ROWS >= 8 => simd.apart(Rows::<_, _, 8>(tiles)),
                4 if S::ROWS >= 4 => simd.apart(Rows::<_, _, 4>(tiles)),
                2 => simd.apart(Rows::<_, _, 2>(tiles)),
                _ => simd.apart(Rows::<_, _, 1>(tiles)),
            }
            start += whole / self.count * step;
            rest = after;
        }
    }
}

/// Rows times all columns of a matrix.
struct Tiles<'t, 's, A: Arithmetic, S: Simd> {
    matrix: &'t Matrix<'s, A>,
    staged: &'t [Element<A, S>],
    runs: &'t [u32],
    start: usize,
    step: usize,
    out: &'t mut [A::Output],
}

/// Tiles of `M` rows each.
struct Rows<'t, 's, A: Arithmetic, S: Simd, const M: usize>(Tiles<'t, 's, A, S>);

impl<A: Arithmetic, S: Simd, const M: usize> Part<S> for Rows<'_, '_, A, S, M> {
    type Output = ();

    #[inline(always)]
    fn run(mut self, simd: S) {
        let columns = self.0.matrix.count;
        let mut column = 0;
        while column + S::LANES < columns {
            self.0.panel::<M, 2>(simd, column);
            column += 2 * S::LANES;
        }
        if column < columns {
            self.0.panel::<M, 1>(simd, column);
        }
    }
}

impl<A: Arithmetic, S: Simd> Tiles<'_, '_, A, S> {
    /// The panel of `N` vectors that starts at `column`.
    #[inline(always)]
    fn panel<const M: usize, const N: usize>(&mut self, simd: S, column: usize) {
        let Self { matrix, staged, runs, step, .. } = *self;
        let group = A::Product::group::<S>();
        let steps = matrix.run.div_ceil(group);
        let depth = N * S::LANES * group * steps;
        let first = column * group * steps * runs.len();
        let weights = matrix.weights.get(first..first + depth * runs.len()).unwrap_or_default();
        let scales = matrix.arithmetic.scales::<S, N>(simd, column);
        let mut start = self.start;
        for out in self.out.chunks_exact_mut(M * matrix.count) {
            // Without depth every sum is 0.
            let mut sums = [[A::Product::zero(simd); N]; M];
            if depth != 0 {
                for (&run, weights) in runs.iter().zip(weights.chunks_exact(depth)) {
                    let at = run as usize + start;
                    sums = run_sums::<A::Product, S, M, N>(simd, sums, (staged, at, step), weights);
                }
            }
            for (sums, out) in sums.into_iter().zip(out.chunks_exact_mut(matrix.count)) {
                let out = out.get_mut(column..).unwrap_or_default();
                matrix.arithmetic.finish(simd, &scales, sums, out);
            }
            start += M * step;
        }
    }
}

/// The sums of `M` rows with one more run: row `m` starts at `at + m * step` in `staged`.
#[inline(always)]
fn run_sums<P: Product, S: Simd, const M: usize, const N: usize>(
    simd: S,
    mut sums: [[P::Sums<S>; N]; M],
    (staged, at, step): (&[P::Element<S>], usize, usize),
    weights: &[P::Weight],
) -> [[P::Sums<S>; N]; M] {
    let group = P::group::<S>();
    let panel = N * S::LANES * group;
    let steps = weights.len() / panel;
    // Rows as long as the run has steps, so that the loops need no checks.
    let mut rows: [&[P::Group<S>]; M] = [&[]; M];
    for (m, row) in rows.iter_mut().enumerate() {
        let staged = staged.get(at + m * step..).unwrap_or_default();
        let Some(groups) = P::groups::<S>(staged.get(..steps * group).unwrap_or_default()).get(..steps)
        else {
            return sums;
        };
        *row = groups;
    }
    if M == 1 {
        // One row has too few sums to keep the processor busy: two sets of them.
        let mut others = [[P::zero(simd); N]; M];
        let mut pairs = weights.chunks_exact(2 * panel);
        for (k, weights) in (&mut pairs).enumerate() {
            let (even, odd) = weights.split_at(panel);
            sums = one_step::<P, S, M, N>(simd, sums, &rows, 2 * k, even);
            others = one_step::<P, S, M, N>(simd, others, &rows, 2 * k + 1, odd);
        }
        if !pairs.remainder().is_empty() {
            sums = one_step::<P, S, M, N>(simd, sums, &rows, steps - 1, pairs.remainder());
        }
        for (sums, others) in sums.iter_mut().zip(others) {
            for (sum, other) in sums.iter_mut().zip(others) {
                *sum = P::join(simd, *sum, other);
            }
        }
        return sums;
    }
    for (k, weights) in weights.chunks_exact(panel).enumerate() {
        sums = one_step::<P, S, M, N>(simd, sums, &rows, k, weights);
    }
    sums
}

/// The sums with step `k`, which all rows have.
#[inline(always)]
fn one_step<P: Product, S: Simd, const M: usize, const N: usize>(
    simd: S,
    mut sums: [[P::Sums<S>; N]; M],
    rows: &[&[P::Group<S>]; M],
    k: usize,
    weights: &[P::Weight],
) -> [[P::Sums<S>; N]; M] {
    let vector = S::LANES * P::group::<S>();
    let mut vectors = [P::load(simd, weights); N];
    for (n, to) in vectors.iter_mut().enumerate().skip(1) {
        *to = P::load(simd, weights.get(n * vector..).unwrap_or_default());
    }
    for (sums, row) in sums.iter_mut().zip(rows) {
        let Some(&activations) = row.get(k) else { continue };
        for (sum, weights) in sums.iter_mut().zip(vectors) {
            *sum = P::step(simd, *sum, activations, weights);
        }
    }
    sums
}
