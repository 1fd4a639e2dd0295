//! Depthwise convolution, several channels at a time.
//!
//! Windows read their cells from a strip of staged rows; panels of channels are summed over them.
//! int8 sums two cells of the window at a time, as pairs.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_simd::Simd;

use super::int8::{Columns, Lists};
use super::tile::Arithmetic as _;
use super::{Layout, Windows, constant_weights, copy};
use crate::arena::Span;
use crate::kernels::filter::{FloatRange, Requantize, Sizes};
use crate::node::{Invoke, Prepare};

/// Windows of floats that are summed together.
const TOGETHER: usize = 4;

/// Packed int8 weights, widened: for each panel of channels and each pair of cells, pairs of weights.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Packed {
    weights: Span,
    lists: Lists,
    channels: u32,
    rule: Requantize,
}

/// Packs constant weights `[rows, columns, channels]`; `None` where they or the bias are computed.
pub(in crate::kernels) fn pack(
    node: &mut Prepare<'_>,
    rule: Requantize,
    sizes: &Sizes,
) -> Result<Option<Packed>, Refusal> {
    let cells = sizes.rows.kernel * sizes.columns.kernel;
    let Some(weights) = constant_weights(node) else { return Ok(None) };
    let (channels, panel) = (sizes.channels, Layout::of(node).panel());
    let pairs = cells.div_ceil(2);
    let padded = channels.next_multiple_of(panel);
    let packed = node.list::<i16>(padded * pairs * 2)?;
    let out = node.list_mut::<i16>(packed);
    for (cell, row) in weights.chunks_exact(channels.max(1)).enumerate() {
        for (c, &w) in row.iter().enumerate() {
            let at = ((c / panel) * pairs + cell / 2) * panel * 2 + (c % panel) * 2 + cell % 2;
            if let Some(to) = out.get_mut(at) {
                *to = (w as i8).into();
            }
        }
    }
    let sum = |c: usize| weights.iter().skip(c).step_by(channels.max(1)).map(|&w| i32::from(w as i8)).sum();
    let lists = Lists::prepare(node, &rule, (channels, padded), 0, sum)?;
    Ok(Some(Packed { weights: packed, lists, channels: channels as u32, rule }))
}

impl Packed {
    pub(in crate::kernels) fn load<'s>(&self, node: &Invoke<'s>) -> Int8<'s> {
        Int8 {
            weights: node.list(self.weights),
            columns: self.lists.load(node, &self.rule),
            channels: self.channels as usize,
        }
    }
}

/// Packed int8 weights with what turns sums into outputs.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Int8<'s> {
    weights: &'s [i16],
    columns: Columns<'s>,
    channels: usize,
}

impl Windows for Int8<'_> {
    type Value = i8;
    type Element<S: Simd> = i8;

    #[inline(always)]
    fn outside(&self) -> i8 {
        self.columns.outside()
    }

    #[inline(always)]
    fn stage<S: Simd>(_simd: S, from: &[i8], to: &mut [i8]) {
        copy(from, to);
    }

    #[inline(always)]
    fn row<S: Simd>(&self, simd: S, staged: &[i8], starts: &[u32], step: usize, out: &mut [i8]) {
        let panel = 2 * S::LANES;
        let starts = starts.as_chunks().0;
        if self.channels == 0 || starts.is_empty() {
            return;
        }
        for (p, weights) in self.weights.chunks_exact(2 * panel * starts.len()).enumerate() {
            let channel = p * panel;
            let scales = self.columns.scales(simd, channel);
            let mut outs = out.chunks_exact_mut(2 * self.channels);
            let mut at = channel;
            for out in &mut outs {
                let staged = [0, step].map(|more| staged.get(at + more..).unwrap_or_default());
                let sums = sums::<S, 2>(simd, weights, staged, starts);
                let (first, second) = out.split_at_mut(self.channels);
                self.columns.write(simd, &scales, sums[0], first.get_mut(channel..).unwrap_or_default());
                self.columns.write(simd, &scales, sums[1], second.get_mut(channel..).unwrap_or_default());
                at += 2 * step;
            }
            if let Some(out) = outs.into_remainder().get_mut(channel..) {
                let staged = staged.get(at..).unwrap_or_default();
                let [sums] = sums::<S, 1>(simd, weights, [staged], starts);
                self.columns.write(simd, &scales, sums, out);
            }
        }
    }
}

/// The sums of one panel of channels for `M` windows; each of `staged` starts with its window's.
#[inline(always)]
fn sums<S: Simd, const M: usize>(
    simd: S,
    weights: &[i16],
    staged: [&[i8]; M],
    starts: &[[u32; 2]],
) -> [[S::I32; 2]; M] {
    let panel = 2 * S::LANES;
    let mut sums = [[simd.splat_i32(0); 2]; M];
    for (&[first, second], weights) in starts.iter().zip(weights.chunks_exact(2 * panel)) {
        let (low, high) = weights.split_at(panel);
        let (low, high) = (simd.load_pairs(low), simd.load_pairs(high));
        let (first, second) = (first as usize, second as usize);
        for (sums, staged) in sums.iter_mut().zip(staged) {
            let a = staged.get(first..first + panel).unwrap_or_default();
            let b = staged.get(second..second + panel).unwrap_or_default();
            let cells = simd.zip_pairs(a, b);
            sums[0] = simd.dot_pairs(sums[0], cells[0], low);
            sums[1] = simd.dot_pairs(sums[1], cells[1], high);
        }
    }
    sums
}

/// float32 weights as they lie in the file.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Float<'s> {
    pub(in crate::kernels) weights: &'s [f32],
    pub(in crate::kernels) bias: &'s [f32],
    pub(in crate::kernels) range: FloatRange,
    pub(in crate::kernels) channels: usize,
}

impl Windows for Float<'_> {
    type Value = f32;
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
    fn row<S: Simd>(&self, simd: S, staged: &[f32], starts: &[u32], step: usize, out: &mut [f32]) {
        let (low, high) = (simd.splat_f32(self.range.low), simd.splat_f32(self.range.high));
        for channel in (0..self.channels).step_by(S::LANES) {
            let bias = simd.load_f32(self.bias.get(channel..).unwrap_or_default());
            let mut at = channel;
            for out in out.chunks_mut(TOGETHER * self.channels) {
                // Windows beyond the last of the row compute what nobody reads.
                let staged: [&[f32]; TOGETHER] =
                    [0, 1, 2, 3].map(|m| staged.get(at + m * step..).unwrap_or_default());
                let mut sums = [bias; TOGETHER];
                for (&start, weights) in starts.iter().zip(self.weights.chunks_exact(self.channels)) {
                    let start = start as usize;
                    let w = simd.load_f32(weights.get(channel..).unwrap_or_default());
                    for (sum, staged) in sums.iter_mut().zip(staged) {
                        let x = simd.load_f32(staged.get(start..start + S::LANES).unwrap_or_default());
                        *sum = simd.mul_add_f32(x, w, *sum);
                    }
                }
                for (sum, out) in sums.into_iter().zip(out.chunks_exact_mut(self.channels)) {
                    let y = simd.min_f32(simd.max_f32(sum, low), high);
                    simd.store_f32(y, out.get_mut(channel..).unwrap_or_default());
                }
                at += TOGETHER * step;
            }
        }
    }
}
