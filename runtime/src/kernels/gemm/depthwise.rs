//! Depthwise convolution, several channels at a time.
//!
//! Windows read their cells from a strip of staged rows; panels of channels are summed over them.
//! int8 sums two cells of the window at a time, as pairs.
//!
//! Where windows are one cell apart, those of a row of outputs lie together as the cells that they read do:
//! several windows of few channels are one window of many, with the weights repeated.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_simd::{Part, Simd};

use super::int8::{Columns, Lists, Total};
use super::tile::Arithmetic as _;
use super::{Layout, Windows, constant_weights, copy};
use crate::arena::Span;
use crate::kernels::filter::{FloatRange, Requantize, Sizes};
use crate::node::{Invoke, Prepare};

/// Windows that are summed together.
const TOGETHER: usize = 4;

/// Channels of a window and of those that are one with it.
fn width(sizes: &Sizes, layout: &Layout) -> usize {
    let repeats = sizes.columns.stride == 1 && layout.panel().is_multiple_of(sizes.channels.max(1));
    if repeats { layout.panel() } else { sizes.channels }
}

/// Packed int8 weights, widened: for each panel of channels and each pair of cells, pairs of weights.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Packed {
    weights: Span,
    lists: Lists,
    channels: u32,
    width: u32,
    rule: Requantize,
}

/// Packs constant weights `[rows, columns, channels]`; `None` where they or the bias are computed.
pub(in crate::kernels) fn pack(
    node: &mut Prepare<'_>,
    rule: Requantize,
    sizes: &Sizes,
) -> Result<Option<Packed>, Refusal> {
    let cells = sizes.rows.kernel * sizes.columns.kernel;
    let Some(weights) = constant_weights(node).filter(|_| sizes.channels != 0) else { return Ok(None) };
    let (channels, layout) = (sizes.channels, Layout::of(node));
    let (panel, pairs) = (layout.panel(), cells.div_ceil(2));
    let width = width(sizes, &layout);
    let padded = width.next_multiple_of(layout.lanes);
    let packed = node.list::<i16>(padded * pairs * 2)?;
    let out = node.list_mut::<i16>(packed);
    for (cell, row) in weights.chunks_exact(channels).enumerate() {
        for c in 0..padded {
            let first = c - c % panel;
            let pair = first * pairs + cell / 2 * panel.min(padded - first) + c - first;
            let w = row.get(c % channels).map(|&w| w as i8);
            if let (Some(to), Some(w)) = (out.get_mut(2 * pair + cell % 2), w) {
                *to = w.into();
            }
        }
    }
    let total = |c: usize| Total::of(weights.iter().skip(c).step_by(channels).copied());
    let lists = Lists::prepare(node, &rule, (channels, padded), 0, total)?;
    Ok(Some(Packed { weights: packed, lists, channels: channels as u32, width: width as u32, rule }))
}

impl Packed {
    pub(in crate::kernels) fn load<'s>(&self, node: &Invoke<'s>) -> Int8<'s> {
        Int8 {
            weights: node.list(self.weights),
            columns: self.lists.load(node, &self.rule),
            channels: self.channels as usize,
            width: self.width as usize,
        }
    }
}

/// Packed int8 weights with what turns sums into outputs.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Int8<'s> {
    weights: &'s [i16],
    columns: Columns<'s>,
    channels: usize,
    width: usize,
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
        if self.channels != 0 {
            let step = self.width / self.channels * step;
            simd.apart(Int8Row { windows: self, staged, starts: starts.as_chunks().0, step, out });
        }
    }
}

/// A row of outputs.
struct Int8Row<'t, 's> {
    windows: &'t Int8<'s>,
    staged: &'t [i8],
    starts: &'t [[u32; 2]],
    step: usize,
    out: &'t mut [i8],
}

impl<S: Simd> Part<S> for Int8Row<'_, '_> {
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

impl Int8Row<'_, '_> {
    /// The panel of `N` vectors that starts at `channel`.
    #[inline(always)]
    fn panel<S: Simd, const N: usize>(&mut self, simd: S, channel: usize) {
        let Int8 { weights, columns, width, .. } = *self.windows;
        let weights = weights.get(2 * channel * self.starts.len()..).unwrap_or_default();
        let scales = columns.scales::<S, N>(simd, channel);
        let mut at = channel;
        for out in self.out.chunks_mut(TOGETHER * width) {
            if out.len() == TOGETHER * width {
                let sums =
                    self::sums::<S, TOGETHER, N>(simd, weights, self.staged, (at, self.step), self.starts);
                for (sums, out) in sums.into_iter().zip(out.chunks_exact_mut(width)) {
                    columns.write(simd, &scales, sums, out.get_mut(channel..).unwrap_or_default());
                }
                at += TOGETHER * self.step;
                continue;
            }
            // The last window that is several in one may be cut off.
            for out in out.chunks_mut(width) {
                let [sums] = self::sums::<S, 1, N>(simd, weights, self.staged, (at, self.step), self.starts);
                columns.write(simd, &scales, sums, out.get_mut(channel..).unwrap_or_default());
                at += self.step;
            }
        }
    }
}

/// The sums of one panel of channels for `M` windows, the first at `at` in `staged`.
#[inline(always)]
fn sums<S: Simd, const M: usize, const N: usize>(
    simd: S,
    weights: &[i16],
    staged: &[i8],
    (at, step): (usize, usize),
    starts: &[[u32; 2]],
) -> [[S::I32; N]; M] {
    let mut windows: [&[i8]; M] = [&[]; M];
    for (m, window) in windows.iter_mut().enumerate() {
        *window = staged.get(at + m * step..).unwrap_or_default();
    }
    let pairs = 2 * S::LANES;
    let mut sums = [[simd.splat_i32(0); N]; M];
    for (&[first, second], weights) in starts.iter().zip(weights.chunks_exact(N * pairs)) {
        let mut vectors = [simd.load_pairs(weights); N];
        for (n, to) in vectors.iter_mut().enumerate().skip(1) {
            *to = simd.load_pairs(weights.get(n * pairs..).unwrap_or_default());
        }
        let (first, second) = (first as usize, second as usize);
        for (sums, staged) in sums.iter_mut().zip(windows) {
            let a = staged.get(first..first + pairs).unwrap_or_default();
            let b = staged.get(second..second + pairs).unwrap_or_default();
            for ((sum, cells), weights) in sums.iter_mut().zip(simd.zip_pairs(a, b)).zip(vectors) {
                *sum = simd.dot_pairs(*sum, cells, weights);
            }
        }
    }
    sums
}

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

/// Packs weights `[rows, columns, channels]` where that widens windows and they are constant.
pub(in crate::kernels) fn pack_float(
    node: &mut Prepare<'_>,
    range: FloatRange,
    sizes: &Sizes,
) -> Result<PackedFloat, Refusal> {
    let (channels, width) = (sizes.channels, width(sizes, &Layout::of(node)));
    let in_place =
        PackedFloat { weights: Span::default(), bias: Span::default(), width: channels as u32, range };
    let Some(weights) = constant_weights(node).filter(|_| width != channels && node.packs_weights()) else {
        return Ok(in_place);
    };
    let floats =
        |bytes: &[u8], at: usize| bytes.as_chunks().0.get(at).map_or(0.0, |b| f32::from_le_bytes(*b));
    let cells = sizes.rows.kernel * sizes.columns.kernel;
    let packed = node.list::<f32>(cells * width)?;
    for (at, to) in node.list_mut::<f32>(packed).iter_mut().enumerate() {
        *to = floats(weights, at / width * channels + at % channels);
    }
    let constant = node.constant(2).unwrap_or_default();
    let bias = node.list::<f32>(width)?;
    for (at, to) in node.list_mut::<f32>(bias).iter_mut().enumerate() {
        *to = floats(constant, at % channels);
    }
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
        if self.channels != 0 {
            let step = self.width / self.channels * step;
            simd.apart(FloatRow { windows: self, staged, starts, step, out });
        }
    }
}

/// A row of outputs.
struct FloatRow<'t, 's> {
    windows: &'t Float<'s>,
    staged: &'t [f32],
    starts: &'t [u32],
    step: usize,
    out: &'t mut [f32],
}

impl<S: Simd> Part<S> for FloatRow<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self, simd: S) {
        let Self { windows: &Float { weights, bias, range, width, .. }, staged, starts, step, out } = self;
        let (low, high) = (simd.splat_f32(range.low), simd.splat_f32(range.high));
        for channel in (0..width).step_by(S::LANES) {
            let bias = simd.load_f32(bias.get(channel..).unwrap_or_default());
            let mut at = channel;
            for out in out.chunks_mut(TOGETHER * width) {
                // Windows beyond the last of the row compute what nobody reads.
                let mut windows: [&[f32]; TOGETHER] = [&[]; TOGETHER];
                for (m, window) in windows.iter_mut().enumerate() {
                    *window = staged.get(at + m * step..).unwrap_or_default();
                }
                let mut sums = [bias; TOGETHER];
                for (&start, weights) in starts.iter().zip(weights.chunks_exact(width)) {
                    let start = start as usize;
                    let w = simd.load_f32(weights.get(channel..).unwrap_or_default());
                    for (sum, staged) in sums.iter_mut().zip(windows) {
                        let x = simd.load_f32(staged.get(start..start + S::LANES).unwrap_or_default());
                        *sum = simd.mul_add_f32(x, w, *sum);
                    }
                }
                for (sum, out) in sums.into_iter().zip(out.chunks_mut(width)) {
                    let y = simd.min_f32(simd.max_f32(sum, low), high);
                    simd.store_f32(y, out.get_mut(channel..).unwrap_or_default());
                }
                at += TOGETHER * step;
            }
        }
    }
}
