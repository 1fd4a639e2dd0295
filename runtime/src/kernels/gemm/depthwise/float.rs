//! Windows of float32: the rows of the strip are read as they lie.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_simd::{Part, Simd};

use super::{Shape, TOGETHER};
use crate::arena::Span;
use crate::kernels::filter::{FloatRange, Sizes};
use crate::kernels::gemm::product::Float as FloatProduct;
use crate::kernels::gemm::{Floats, Layout, Windows, copy};
use crate::node::{Invoke, Prepare};

/// float32 weights, repeated as wide windows need them.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct PackedFloat {
    /// Empty where the weights of the file are used as they lie.
    weights: Span,
    bias: Span,
    width: u32,
    range: FloatRange,
}

/// Packs weights `[rows, columns, channels]` where they are constant, and that widens windows or them.
pub(in crate::kernels) fn pack_float(
    node: &mut Prepare<'_>,
    range: FloatRange,
    sizes: &Sizes,
) -> Result<PackedFloat, Refusal> {
    let (channels, width) =
        (sizes.channels, Shape::of(sizes, &Layout::of::<FloatProduct>(node)).width as usize);
    let in_place =
        PackedFloat { weights: Span::default(), bias: Span::default(), width: channels as u32, range };
    if (width == channels && node.constant_halves(1).is_none()) || !node.packs_weights() {
        return Ok(in_place);
    }
    let (Some(weights), Some(biases)) = (Floats::of(node, 1), Floats::bias(node)) else {
        return Ok(in_place);
    };
    let cells = sizes.rows.kernel * sizes.columns.kernel;
    let packed = node.list_of_vectors::<f32>(cells * width)?;
    for (at, to) in node.list_mut::<f32>(packed).iter_mut().enumerate() {
        *to = weights.get(at / width * channels + at % channels);
    }
    let bias = node.list_of_vectors::<f32>(width)?;
    node.list_mut::<f32>(bias).iter_mut().enumerate().for_each(|(at, to)| *to = biases.get(at % channels));
    node.has_packed();
    Ok(PackedFloat { weights: packed, bias, width: width as u32, range })
}

impl PackedFloat {
    pub(in crate::kernels) fn load<'k>(
        &self,
        node: &'k Invoke<'_>,
        channels: usize,
    ) -> Result<Float<'k>, Refusal> {
        let (weights, bias) = match self.weights.bytes {
            0 => (node.input(1)?, node.optional_input(2)?.unwrap_or_default()),
            _ => (node.list(self.weights), node.list(self.bias)),
        };
        Ok(Float { weights, bias, range: self.range, channels, width: self.width as usize })
    }
}

/// float32 weights.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Float<'s> {
    weights: &'s [f32],
    bias: &'s [f32],
    range: FloatRange,
    channels: usize,
    width: usize,
}

impl Windows for Float<'_> {
    type Value = f32;
    type Output = f32;
    type Element<S: Simd> = f32;

    #[inline(always)]
    fn outside(&self) -> f32 {
        0.0
    }

    #[inline(always)]
    fn stage<S: Simd>(_simd: S, from: &[f32], to: &mut [f32]) {
        copy(from, to);
    }

    #[inline(always)]
    fn row<S: Simd>(
        &self,
        simd: S,
        staged: &[f32],
        starts: &[u32],
        step: usize,
        _scratch: &mut [u8],
        out: &mut [f32],
    ) {
        if let Some(windows) = self.width.checked_div(self.channels) {
            let step = windows * step;
            // Windows that overlap, as those of most models do.
            let overlap = |taps: &[u32]| {
                taps.windows(2).all(|pair| matches!(pair, &[a, b] if a as usize + step == b as usize))
            };
            let threes = starts.len().is_multiple_of(3) && starts.chunks_exact(3).all(overlap);
            simd.apart(FloatRow { windows: self, staged, starts, step, threes, out });
        }
    }
}

/// A row of outputs.
struct FloatRow<'t, 's> {
    windows: &'t Float<'s>,
    staged: &'t [f32],
    starts: &'t [u32],
    step: usize,
    /// Whether windows have three columns, each of which lies where the one before it of the next window does.
    threes: bool,
    out: &'t mut [f32],
}

impl<S: Simd> Part<S> for FloatRow<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self, simd: S) {
        let mut channel = 0;
        while channel + S::LANES < self.windows.width {
            self.panel::<S, 2>(simd, channel);
            channel += 2 * S::LANES;
        }
        if channel < self.windows.width {
            self.panel::<S, 1>(simd, channel);
        }
    }
}

impl FloatRow<'_, '_> {
    /// The panel of `N` vectors that starts at `channel`.
    #[inline(always)]
    fn panel<S: Simd, const N: usize>(&mut self, simd: S, channel: usize) {
        let (mut at, mut start) = (channel, 0);
        while start < self.out.len() {
            let (left, width) = (self.out.len() - start, self.windows.width);
            let count = if left >= TOGETHER * width {
                self.sums::<S, TOGETHER, N>(simd, channel, at, start)
            } else if left >= 2 * width {
                self.sums::<S, 2, N>(simd, channel, at, start)
            } else {
                self.sums::<S, 1, N>(simd, channel, at, start)
            };
            (at, start) = (at + count * self.step, start + count * self.windows.width);
        }
    }

    /// `M` windows of the panel, the first at element `at` of the rows, and at element `start` of the outputs; tells how many.
    #[inline(always)]
    fn sums<S: Simd, const M: usize, const N: usize>(
        &mut self,
        simd: S,
        channel: usize,
        at: usize,
        start: usize,
    ) -> usize {
        let &Float { bias, range, width, .. } = self.windows;
        let first = [vectors::<S, N>(simd, bias.get(channel..).unwrap_or_default()); M];
        let sums = match M == TOGETHER && self.threes {
            true => self.overlapping(simd, first, channel, at),
            false => self.apart(simd, first, channel, at),
        };
        let (low, high) = (simd.splat_f32(range.low), simd.splat_f32(range.high));
        let out = self.out.get_mut(start..).unwrap_or_default();
        for (sums, out) in sums.into_iter().zip(out.chunks_mut(width)) {
            for (n, sum) in sums.into_iter().enumerate() {
                let y = simd.min_f32(simd.max_f32(sum, low), high);
                simd.store_f32(y, out.get_mut(channel + n * S::LANES..).unwrap_or_default());
            }
        }
        M
    }

    /// `sums` with the products of `M` windows, whatever their cells.
    #[inline(always)]
    fn apart<S: Simd, const M: usize, const N: usize>(
        &self,
        simd: S,
        mut sums: [[S::F32; N]; M],
        channel: usize,
        at: usize,
    ) -> [[S::F32; N]; M] {
        let &Float { weights, width, .. } = self.windows;
        // Windows as long as it takes, so that one check in the loop does for all of them.
        let span = self.starts.iter().fold(0, |most, &start| most.max(start as usize)) + N * S::LANES;
        let mut windows: [&[f32]; M] = [&[]; M];
        for (m, window) in windows.iter_mut().enumerate() {
            let start = at + m * self.step;
            let Some(cells) = self.staged.get(start..start + span) else { return sums };
            *window = cells;
        }
        for (&start, weights) in self.starts.iter().zip(weights.chunks_exact(width)) {
            let start = start as usize;
            let taps = vectors::<S, N>(simd, weights.get(channel..).unwrap_or_default());
            for (sums, window) in sums.iter_mut().zip(windows) {
                let Some(cells) = window.get(start..start + N * S::LANES) else { continue };
                for (n, sum) in sums.iter_mut().enumerate() {
                    let x = simd.load_f32(cells.get(n * S::LANES..).unwrap_or_default());
                    *sum = simd.mul_add_f32(x, taps[n], *sum);
                }
            }
        }
        sums
    }

    /// As [`FloatRow::apart`] for windows of three columns that overlap: a cell is loaded once for the up to three windows
    /// that see it.
    #[inline(always)]
    fn overlapping<S: Simd, const M: usize, const N: usize>(
        &self,
        simd: S,
        mut sums: [[S::F32; N]; M],
        channel: usize,
        at: usize,
    ) -> [[S::F32; N]; M] {
        let (step, width) = (self.step, self.windows.width);
        let rows = self.windows.weights.chunks_exact(3 * width);
        for (starts, weights) in self.starts.chunks_exact(3).zip(rows) {
            let mut taps = [[simd.splat_f32(0.0); N]; 3];
            for (tap, weights) in taps.iter_mut().zip(weights.chunks_exact(width)) {
                *tap = vectors::<S, N>(simd, weights.get(channel..).unwrap_or_default());
            }
            let start = at + starts.first().map_or(0, |&start| start as usize);
            let Some(cells) = self.staged.get(start..start + (M + 1) * step + N * S::LANES) else { continue };
            for column in 0..M + 2 {
                let Some(cell) = cells.get(column * step..column * step + N * S::LANES) else { continue };
                for n in 0..N {
                    let x = simd.load_f32(cell.get(n * S::LANES..).unwrap_or_default());
                    for (tap, taps) in taps.iter().enumerate() {
                        if column >= tap && column - tap < M {
                            sums[column - tap][n] = simd.mul_add_f32(x, taps[n], sums[column - tap][n]);
                        }
                    }
                }
            }
        }
        sums
    }
}

/// The first `N` vectors of `from`, one or two. Without a loop: the compiler leaves one as it is where vectors may be cut off.
#[inline(always)]
fn vectors<S: Simd, const N: usize>(simd: S, from: &[f32]) -> [S::F32; N] {
    let mut vectors = [simd.load_f32(from); N];
    if N == 2 {
        vectors[N - 1] = simd.load_f32(from.get(S::LANES..).unwrap_or_default());
    }
    vectors
}
