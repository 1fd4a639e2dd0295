//! Depthwise convolution, several channels at a time.
//!
//! For each position the pixels under the window are found once; then blocks of channels are summed
//! over them. int8 sums two cells of the window at a time, as pairs; cells outside the image read a
//! row of zero points, so that the zero point's share is the same everywhere.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_schema::op::Node as _;
use sedge_simd::Simd;

use super::int8::{Columns, Lists};
use super::lanes;
use crate::arena::Span;
use crate::kernels::filter::{BIAS, FloatRange, Requantize, Sizes};
use crate::node::{Invoke, Prepare};

/// The most cells of a window that this way takes.
pub(in crate::kernels) const CELLS: usize = 64;

/// Packed int8 weights: for each block of channels and each pair of cells, pairs of weights.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Packed {
    weights: Span,
    lists: Lists,
    rule: Requantize,
}

/// Packs constant weights `[rows, columns, channels]`; `None` where this way does not fit: computed
/// weights, several filters for a channel, or a very large window.
pub(in crate::kernels) fn pack(
    node: &mut Prepare<'_>,
    rule: Requantize,
    sizes: &Sizes,
) -> Result<Option<Packed>, Refusal> {
    let cells = sizes.rows.kernel * sizes.columns.kernel;
    let Some(weights) = node.constant(1).filter(|_| fits(sizes)) else { return Ok(None) };
    if node.has(BIAS) && node.constant(2).is_none() {
        return Ok(None);
    }
    let (channels, lanes) = (sizes.channels, lanes(node));
    let pairs = cells.div_ceil(2);
    let padded = channels.next_multiple_of(lanes);
    let packed = node.list::<i8>(padded * pairs * 2)?;
    let out = node.list_mut::<i8>(packed);
    for (cell, row) in weights.chunks_exact(channels.max(1)).enumerate() {
        for (c, &w) in row.iter().enumerate() {
            let at = ((c / lanes) * pairs + cell / 2) * lanes * 2 + (c % lanes) * 2 + cell % 2;
            if let Some(to) = out.get_mut(at) {
                *to = w as i8;
            }
        }
    }
    let sum = |c: usize| weights.iter().skip(c).step_by(channels.max(1)).map(|&w| i32::from(w as i8)).sum();
    let lists = Lists::prepare(node, &rule, (channels, padded), sum)?;
    Ok(Some(Packed { weights: packed, lists, rule }))
}

/// Whether this way fits the operator.
pub(in crate::kernels) fn fits(sizes: &Sizes) -> bool {
    sizes.rows.kernel * sizes.columns.kernel <= CELLS && sizes.filters == sizes.channels
}

impl Packed {
    pub(in crate::kernels) fn load<'s>(&self, node: &Invoke<'s>) -> Int8<'s> {
        Int8 {
            weights: node.list(self.weights),
            columns: self.lists.load(node, &self.rule),
            zero: self.rule.input_zero as i8,
        }
    }
}

/// For each cell of the window its pixel's channels; `outside` where it lies outside the image.
#[inline(always)]
fn cells<'x, T>(
    z: &Sizes,
    x: &'x [T],
    (image, y, column): (usize, usize, usize),
    outside: &'x [T],
    cells: &mut [&'x [T]; CELLS],
) {
    let (rows, columns) = (z.rows.inside(y, z.height), z.columns.inside(column, z.width));
    for (cell, to) in cells.iter_mut().enumerate().take(z.rows.kernel * z.columns.kernel) {
        let (i, j) = (cell / z.columns.kernel, cell % z.columns.kernel);
        *to = outside;
        if rows.contains(&i) && columns.contains(&j) {
            let start = z.pixel(image, (y, i), (column, j)) * z.channels;
            *to = x.get(start..start + z.channels).unwrap_or_default();
        }
    }
}

/// Packed int8 weights with what turns sums into outputs.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Int8<'s> {
    weights: &'s [i8],
    columns: Columns<'s>,
    zero: i8,
}

impl Int8<'_> {
    /// Runs with a row of `channels` elements of scratch memory.
    #[inline(always)]
    pub(in crate::kernels) fn run<S: Simd>(
        &self,
        simd: S,
        z: &Sizes,
        x: &[i8],
        outside: &mut [i8],
        out: &mut [i8],
    ) {
        outside.fill(self.zero);
        let outside = &*outside;
        let pairs = (z.rows.kernel * z.columns.kernel).div_ceil(2);
        let block = 2 * S::LANES * pairs;
        if z.channels == 0 || block == 0 {
            return;
        }
        let mut under: [&[i8]; CELLS] = [outside; CELLS];
        for (p, out) in out.chunks_exact_mut(z.channels).enumerate() {
            let (image, p) = (p / z.positions(), p % z.positions());
            cells(z, x, (image, p / z.columns.output, p % z.columns.output), outside, &mut under);
            let used = under.get(..2 * pairs).unwrap_or_default();
            for ((b, weights), out) in
                self.weights.chunks_exact(block).enumerate().zip(out.chunks_mut(S::LANES))
            {
                let channel = b * S::LANES;
                let mut sum = simd.splat_i32(0);
                for (cells, weights) in used.as_chunks::<2>().0.iter().zip(weights.chunks_exact(2 * S::LANES))
                {
                    let [a, b] = cells.map(|cell| cell.get(channel..).unwrap_or_default());
                    sum = simd.dot_pairs(sum, simd.zip_pairs(a, b), simd.load_pairs(weights));
                }
                self.columns.finish(simd, channel, sum, out);
            }
        }
    }
}

/// Runs on float32, weights as they lie in the file.
#[inline(always)]
pub(in crate::kernels) fn float<S: Simd>(
    simd: S,
    z: &Sizes,
    range: FloatRange,
    (x, weights, bias): (&[f32], &[f32], &[f32]),
    out: &mut [f32],
) {
    if z.channels == 0 {
        return;
    }
    let count = z.rows.kernel * z.columns.kernel;
    let mut under: [&[f32]; CELLS] = [&[]; CELLS];
    for (p, out) in out.chunks_exact_mut(z.channels).enumerate() {
        let (image, p) = (p / z.positions(), p % z.positions());
        // Outside the image nothing is added: an empty row reads as 0.
        cells(z, x, (image, p / z.columns.output, p % z.columns.output), &[], &mut under);
        let used = under.get(..count).unwrap_or_default();
        for (b, out) in out.chunks_mut(S::LANES).enumerate() {
            let channel = b * S::LANES;
            let mut sum = simd.load_f32(bias.get(channel..).unwrap_or_default());
            for (cell, weights) in used.iter().zip(weights.chunks_exact(z.channels)) {
                if let Some(x) = cell.get(channel..) {
                    let w = simd.load_f32(weights.get(channel..).unwrap_or_default());
                    sum = simd.mul_add_f32(simd.load_f32(x), w, sum);
                }
            }
            let y = simd.max_f32(sum, simd.splat_f32(range.low));
            simd.store_f32(simd.min_f32(y, simd.splat_f32(range.high)), out);
        }
    }
}
