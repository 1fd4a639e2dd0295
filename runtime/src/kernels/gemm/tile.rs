//! Tiles of sums: some rows of activations times all columns.

use core::hint::black_box;

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

    /// What the sums of the vector that starts at `column` start with.
    #[inline(always)]
    fn start<S: Simd>(&self, simd: S, _column: usize) -> Sums<Self, S> {
        Self::Product::zero(simd)
    }

    /// As [`Arithmetic::start`], for the `N` vectors from `column` on.
    #[inline(always)]
    fn starts<S: Simd, const N: usize>(&self, simd: S, column: usize) -> [Sums<Self, S>; N] {
        let mut starts = [self.start(simd, column); N];
        for (n, start) in starts.iter_mut().enumerate().skip(1) {
            *start = self.start(simd, column + n * S::LANES);
        }
        starts
    }

    /// Writes the outputs of `M` rows for the `N` vectors of columns from `column` on; the rows of `out` have `count`
    /// columns.
    #[inline(always)]
    fn finish_rows<S: Simd, const M: usize, const N: usize>(
        &self,
        simd: S,
        scales: &[Self::Scale<S>; N],
        sums: [[Sums<Self, S>; N]; M],
        (column, count): (usize, usize),
        out: &mut [Self::Output],
    ) {
        for (sums, out) in sums.into_iter().zip(out.chunks_exact_mut(count)) {
            self.finish(simd, scales, sums, out.get_mut(column..).unwrap_or_default());
        }
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
const BLOCK_BYTES: usize = 1 << 15;

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
                8 if S::ROWS >= 8 => simd.apart(Rows::<_, _, 8, 1>(tiles)),
                4 if S::ROWS >= 4 => simd.apart(Rows::<_, _, 4, 1>(tiles)),
                2 => simd.apart(Rows::<_, _, 2, 2>(tiles)),
                _ => simd.apart(Rows::<_, _, 1, 4>(tiles)),
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

/// Tiles of `M` rows each, summed in `SETS` sets: few rows have too few sums to keep the processor busy.
struct Rows<'t, 's, A: Arithmetic, S: Simd, const M: usize, const SETS: usize>(Tiles<'t, 's, A, S>);

impl<A: Arithmetic, S: Simd, const M: usize, const SETS: usize> Part<S> for Rows<'_, '_, A, S, M, SETS> {
    type Output = ();

    #[inline(always)]
    fn run(mut self, simd: S) {
        let columns = self.0.matrix.count;
        let mut column = 0;
        if M == 1 && self.0.runs.len() == 1 {
            while column + 3 * S::LANES < columns {
                self.0.two_panels(simd, column);
                column += 4 * S::LANES;
            }
        }
        while column + S::LANES < columns {
            self.0.panel::<M, 2, SETS>(simd, column);
            column += 2 * S::LANES;
        }
        if column < columns {
            self.0.panel::<M, 1, SETS>(simd, column);
        }
    }
}

impl<A: Arithmetic, S: Simd> Tiles<'_, '_, A, S> {
    /// One row of one run times the two panels from `column` on: what is to be done once for a panel of one row takes as
    /// long as its products.
    #[inline(always)]
    fn two_panels(&mut self, simd: S, column: usize) {
        let Matrix { weights, run, arithmetic, .. } = *self.matrix;
        let group = A::Product::group::<S>();
        let (steps, panel) = (run.div_ceil(group), 2 * S::LANES * group);
        let first = column * group * steps;
        let weights = weights.get(first..).unwrap_or_default();
        let Some((low, rest)) = weights.split_at_checked(steps * panel) else { return };
        let high = rest.get(..steps * panel).unwrap_or_default();
        let start = self.start + self.runs.first().map_or(0, |&run| run as usize);
        let Some(row) = self.staged.get(start..start + steps * group) else { return };

        let zero = [[A::Product::zero(simd); 2]; 1];
        let next = column + 2 * S::LANES;
        let mut sets =
            [[[arithmetic.starts::<S, 2>(simd, column)], [arithmetic.starts::<S, 2>(simd, next)]], [zero; 2]];
        let mut at = 0;
        let (mut lows, mut highs) = (low.chunks_exact(2 * panel), high.chunks_exact(2 * panel));
        for (low, high) in lows.by_ref().zip(highs.by_ref()) {
            let both = low.chunks_exact(panel).zip(high.chunks_exact(panel));
            for ([a, b], (low, high)) in sets.iter_mut().zip(both) {
                *a = one_step::<A::Product, S, 1, 2>(simd, *a, &[row], at, low);
                *b = one_step::<A::Product, S, 1, 2>(simd, *b, &[row], at, high);
                at += group;
            }
        }
        let [[mut low, mut high], more] = sets;
        if let (Some(_), Some(_)) = (lows.remainder().first(), highs.remainder().first()) {
            low = one_step::<A::Product, S, 1, 2>(simd, low, &[row], at, lows.remainder());
            high = one_step::<A::Product, S, 1, 2>(simd, high, &[row], at, highs.remainder());
        }
        for (sums, more) in [&mut low, &mut high].into_iter().zip(more) {
            for (sum, more) in sums.as_flattened_mut().iter_mut().zip(more.as_flattened()) {
                *sum = A::Product::join(simd, *sum, *more);
            }
        }
        let (scales, more) = (arithmetic.scales(simd, column), arithmetic.scales(simd, next));
        let Some((low_out, high_out)) = self.out.split_at_mut_checked(next) else { return };
        arithmetic.finish(simd, &scales, low[0], low_out.get_mut(column..).unwrap_or_default());
        arithmetic.finish(simd, &more, high[0], high_out);
    }

    /// The panel of `N` vectors that starts at `column`.
    #[inline(always)]
    fn panel<const M: usize, const N: usize, const SETS: usize>(&mut self, simd: S, column: usize) {
        let Self { matrix, staged, runs, step, .. } = *self;
        let arithmetic = matrix.arithmetic;
        let group = A::Product::group::<S>();
        let steps = matrix.run.div_ceil(group);
        let depth = N * S::LANES * group * steps;
        let first = column * group * steps * runs.len();
        let weights = matrix.weights.get(first..first + depth * runs.len()).unwrap_or_default();
        let span = runs.iter().fold(0, |most, &run| most.max(run as usize)) + steps * group;
        let mut start = self.start;
        // Tiles and rows are split off one by one: counting them would be a division each.
        let mut rest = &mut *self.out;
        while let Some((out, after)) = core::mem::take(&mut rest).split_at_mut_checked(M * matrix.count) {
            rest = after;
            // What sums start with and what makes outputs of them is loaded for each tile: the compiler would keep it in
            // registers, and sums in memory.
            let first = arithmetic.starts(simd, black_box(column));
            let tile = Tile::<A::Product, S, M, N, SETS> { staged, runs, start, step, span, weights, depth };
            let sums = tile.sums(simd, first);
            let scales = arithmetic.scales::<S, N>(simd, black_box(column));
            arithmetic.finish_rows(simd, &scales, sums, (column, matrix.count), out);
            start += M * step;
        }
    }
}

/// `M` rows times a panel of `N` vectors. Row `m` starts at `start + m * step` in `staged`; its runs lie in the next `span`
/// elements, and take `depth` weights each.
struct Tile<'t, P: Product, S: Simd, const M: usize, const N: usize, const SETS: usize> {
    staged: &'t [P::Element<S>],
    runs: &'t [u32],
    start: usize,
    step: usize,
    span: usize,
    weights: &'t [P::Weight],
    depth: usize,
}

impl<P: Product, S: Simd, const M: usize, const N: usize, const SETS: usize> Tile<'_, P, S, M, N, SETS> {
    /// The sums of each row, which start with `first`.
    #[inline(always)]
    fn sums(self, simd: S, first: [P::Sums<S>; N]) -> [[P::Sums<S>; N]; M] {
        let Self { staged, runs, start, step, span, weights, depth } = self;
        let group = P::group::<S>();
        let panel = N * S::LANES * group;
        let mut sets = [[[P::zero(simd); N]; M]; SETS];
        sets[0] = [first; M];
        // All rows are as long, so that one check in the loops does for all of them.
        let mut rows: [&[P::Element<S>]; M] = [&[]; M];
        for (m, row) in rows.iter_mut().enumerate() {
            let start = start + m * step;
            let Some(found) = staged.get(start..start + span) else { return [first; M] };
            *row = found;
        }
        let mut rest = weights;
        for &run in runs {
            let Some((weights, after)) = rest.split_at_checked(depth) else { break };
            rest = after;
            let mut at = run as usize;
            let mut rounds = weights.chunks_exact(SETS * panel);
            for weights in &mut rounds {
                for (set, weights) in sets.iter_mut().zip(weights.chunks_exact(panel)) {
                    *set = one_step::<P, S, M, N>(simd, *set, &rows, at, weights);
                    at += group;
                }
            }
            for (set, weights) in sets.iter_mut().zip(rounds.remainder().chunks_exact(panel)) {
                *set = one_step::<P, S, M, N>(simd, *set, &rows, at, weights);
                at += group;
            }
        }
        let mut total = sets[0];
        for set in sets.into_iter().skip(1) {
            for (total, sums) in total.iter_mut().zip(set) {
                for (total, sum) in total.iter_mut().zip(sums) {
                    *total = P::join(simd, *total, sum);
                }
            }
        }
        total
    }
}

/// The sums with the products of one more step, whose activations start at element `at` of the rows.
#[inline(always)]
fn one_step<P: Product, S: Simd, const M: usize, const N: usize>(
    simd: S,
    mut sums: [[P::Sums<S>; N]; M],
    rows: &[&[P::Element<S>]; M],
    at: usize,
    weights: &[P::Weight],
) -> [[P::Sums<S>; N]; M] {
    let vector = S::LANES * P::group::<S>();
    let mut vectors = [P::load(simd, weights); N];
    for (n, to) in vectors.iter_mut().enumerate().skip(1) {
        *to = P::load(simd, weights.get(n * vector..).unwrap_or_default());
    }
    for (sums, row) in sums.iter_mut().zip(rows) {
        let Some(activations) = P::activations::<S>(row, at) else { continue };
        for (sum, weights) in sums.iter_mut().zip(vectors) {
            *sum = P::step(simd, *sum, activations, weights);
        }
    }
    sums
}
