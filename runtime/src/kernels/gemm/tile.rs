//! Tiles of sums: some rows of activations times all columns.

use bytemuck::Pod;
use sedge_simd::Simd;

/// An arithmetic of products, and what makes outputs of their sums.
pub(in crate::kernels) trait Arithmetic: Copy {
    /// An activation, and an output, as tensors have it.
    type Value: Pod;
    /// A packed weight.
    type Weight: Pod;
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

    /// The activation that lies outside an image.
    fn outside(&self) -> Self::Value;

    /// Stages activations, as many as both slices have.
    fn stage<S: Simd>(simd: S, from: &[Self::Value], to: &mut [Self::Element<S>]);

    /// Staged activations as groups.
    fn groups<S: Simd>(from: &[Self::Element<S>]) -> &[Self::Group<S>];

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

    /// Writes the outputs of `M` rows for the panel that starts at `column`; each row of `out` has `count`
    /// columns.
    fn finish<S: Simd, const M: usize>(
        &self,
        simd: S,
        sums: [[Self::Sums<S>; 2]; M],
        column: usize,
        count: usize,
        out: &mut [Self::Value],
    );
}

/// Packed weights with what turns sums into outputs.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Matrix<'s, A: Arithmetic> {
    pub(super) weights: &'s [A::Weight],
    /// Columns: filters or units.
    pub(super) count: usize,
    /// Elements of a run.
    pub(super) run: usize,
    pub(super) arithmetic: A,
}

impl<A: Arithmetic> Matrix<'_, A> {
    /// Multiplies rows of `run` elements that lie one after the other, each being one run. `scratch` has
    /// room for the rows of a tile, staged.
    #[inline(always)]
    pub(in crate::kernels) fn multiply<S: Simd>(
        &self,
        simd: S,
        rows: &[A::Value],
        scratch: &mut [u8],
        out: &mut [A::Value],
    ) {
        let length = self.run.next_multiple_of(A::group::<S>());
        let bytes = S::ROWS * length * size_of::<A::Element<S>>();
        let Ok(staged) = bytemuck::try_cast_slice_mut(scratch.get_mut(..bytes).unwrap_or_default()) else {
            return;
        };
        if self.count == 0 {
            return;
        }
        for (tile, out) in out.chunks_mut(S::ROWS * self.count).enumerate() {
            let rows = rows.get(tile * S::ROWS * self.run..).unwrap_or_default();
            if self.run != 0 {
                for (to, row) in staged.chunks_exact_mut(length).zip(rows.chunks_exact(self.run)) {
                    A::stage(simd, row, to);
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
        rows: &[A::Element<S>],
        out: &mut [A::Value],
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
        staged: &[A::Element<S>],
        runs: &[u32],
        step: usize,
        out: &mut [A::Value],
    ) {
        let mut tiles = out.chunks_exact_mut(S::ROWS * self.count);
        let mut start = 0;
        for out in &mut tiles {
            match S::ROWS {
                8 => self.tile::<S, 8>(simd, staged, runs, (start, step), out),
                4 => self.tile::<S, 4>(simd, staged, runs, (start, step), out),
                _ => self.tile::<S, 2>(simd, staged, runs, (start, step), out),
            }
            start += S::ROWS * step;
        }
        let mut rest = tiles.into_remainder();
        while !rest.is_empty() {
            let left = rest.len() / self.count;
            let rows = if left >= 4 && S::ROWS > 4 {
                4
            } else if left >= 2 && S::ROWS > 2 {
                2
            } else {
                1
            };
            let (out, after) = rest.split_at_mut(rest.len().min(rows * self.count));
            match rows {
                4 if S::ROWS > 4 => self.tile::<S, 4>(simd, staged, runs, (start, step), out),
                2 if S::ROWS > 2 => self.tile::<S, 2>(simd, staged, runs, (start, step), out),
                _ => self.tile::<S, 1>(simd, staged, runs, (start, step), out),
            }
            start += rows * step;
            rest = after;
        }
    }

    /// `M` rows times all columns.
    #[inline(always)]
    fn tile<S: Simd, const M: usize>(
        &self,
        simd: S,
        staged: &[A::Element<S>],
        runs: &[u32],
        (start, step): (usize, usize),
        out: &mut [A::Value],
    ) {
        let panel = 2 * S::LANES;
        let steps = self.run.div_ceil(A::group::<S>());
        let depth = panel * A::group::<S>() * steps;
        // Without depth every sum is 0.
        for p in 0..self.count.div_ceil(panel) {
            let mut sums = [[A::zero(simd); 2]; M];
            let first = p * depth * runs.len();
            for (r, &run) in runs.iter().enumerate() {
                let first = first + r * depth;
                let weights = self.weights.get(first..first + depth).unwrap_or_default();
                let at = run as usize + start;
                sums = run_sums::<A, S, M>(simd, sums, (staged, at, step), weights);
            }
            self.arithmetic.finish::<S, M>(simd, sums, p * panel, self.count, out);
        }
    }
}

/// The sums of `M` rows with one more run: row `m` starts at `at + m * step` in `staged`.
#[inline(always)]
fn run_sums<A: Arithmetic, S: Simd, const M: usize>(
    simd: S,
    mut sums: [[A::Sums<S>; 2]; M],
    (staged, at, step): (&[A::Element<S>], usize, usize),
    weights: &[A::Weight],
) -> [[A::Sums<S>; 2]; M] {
    let group = A::group::<S>();
    let both = 2 * S::LANES * group;
    let steps = weights.len() / both;
    // Rows as long as the run has steps, so that the loops need no checks.
    let mut rows: [&[A::Group<S>]; M] = [&[]; M];
    for (m, row) in rows.iter_mut().enumerate() {
        let staged = staged.get(at + m * step..).unwrap_or_default();
        let Some(groups) = A::groups::<S>(staged.get(..steps * group).unwrap_or_default()).get(..steps)
        else {
            return sums;
        };
        *row = groups;
    }
    if M == 1 {
        // One row has too few sums to keep the processor busy: two sets of them.
        let mut others = [[A::zero(simd); 2]; M];
        let mut pairs = weights.chunks_exact(2 * both);
        for (k, weights) in (&mut pairs).enumerate() {
            let (even, odd) = weights.split_at(both);
            sums = one_step::<A, S, M>(simd, sums, &rows, 2 * k, even);
            others = one_step::<A, S, M>(simd, others, &rows, 2 * k + 1, odd);
        }
        if !pairs.remainder().is_empty() {
            sums = one_step::<A, S, M>(simd, sums, &rows, steps - 1, pairs.remainder());
        }
        for (sums, others) in sums.iter_mut().zip(others) {
            for (sum, other) in sums.iter_mut().zip(others) {
                *sum = A::join(simd, *sum, other);
            }
        }
        return sums;
    }
    for (k, weights) in weights.chunks_exact(both).enumerate() {
        sums = one_step::<A, S, M>(simd, sums, &rows, k, weights);
    }
    sums
}

/// The sums with step `k`, which all rows have.
#[inline(always)]
fn one_step<A: Arithmetic, S: Simd, const M: usize>(
    simd: S,
    mut sums: [[A::Sums<S>; 2]; M],
    rows: &[&[A::Group<S>]; M],
    k: usize,
    weights: &[A::Weight],
) -> [[A::Sums<S>; 2]; M] {
    let (low, high) = weights.split_at(weights.len() / 2);
    let (low, high) = (A::load(simd, low), A::load(simd, high));
    for (sums, row) in sums.iter_mut().zip(rows) {
        let Some(&activations) = row.get(k) else { continue };
        sums[0] = A::step(simd, sums[0], activations, low);
        sums[1] = A::step(simd, sums[1], activations, high);
    }
    sums
}
