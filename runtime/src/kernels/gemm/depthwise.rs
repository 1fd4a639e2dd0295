//! Depthwise convolution, several channels at a time.
//!
//! Windows read their cells from a strip of staged rows; panels of channels are summed over them. For int8
//! the rows of a window are woven first, as many as the level multiplies at once: each group of products is
//! one column of the window, and all windows of a row of outputs read the same woven cells.
//!
//! Where windows are one cell apart, those of a row of outputs lie together as the cells that they read do:
//! several windows of few channels are one window of many, with the weights repeated.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_simd::{MAX_GROUP, Part, Simd};

use super::int8::{Columns, Lists, Total};
use super::tile::Arithmetic as _;
use super::{Floats, Layout, Strip, Windows, constant_weights, copy};
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

/// Packed int8 weights: for each panel of channels, for each group of the window's rows and each of its
/// columns, groups of weights.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Packed {
    weights: Span,
    lists: Lists,
    channels: u32,
    width: u32,
    /// Rows and columns of a window, and elements from one of its columns to the next.
    rows: u32,
    columns: u32,
    apart: u32,
    rule: Requantize,
}

/// Packs constant weights `[rows, columns, channels]`, and asks for scratch memory; `None` where they or the
/// bias are computed.
pub(in crate::kernels) fn pack(
    node: &mut Prepare<'_>,
    rule: Requantize,
    sizes: &Sizes,
    strip: &Strip,
) -> Result<Option<Packed>, Refusal> {
    let Some(weights) = constant_weights(node).filter(|_| sizes.channels != 0) else { return Ok(None) };
    let (channels, layout) = (sizes.channels, Layout::of(node));
    let (rows, columns) = (sizes.rows.kernel, sizes.columns.kernel);
    let (panel, group) = (layout.panel(), layout.group);
    let taps = rows.div_ceil(group) * columns;
    let width = width(sizes, &layout);
    let padded = width.next_multiple_of(layout.lanes);
    let packed = node.list::<i8>(padded * taps * group)?;
    let out = node.list_mut::<i8>(packed);
    for (cell, weights) in weights.chunks_exact(channels).enumerate() {
        let (row, column) = (cell / columns, cell % columns);
        let tap = row / group * columns + column;
        for c in 0..padded {
            let first = c - c % panel;
            let at = first * taps + tap * panel.min(padded - first) + c - first;
            if let (Some(to), Some(&w)) = (out.get_mut(at * group + row % group), weights.get(c % channels)) {
                *to = w as i8;
            }
        }
    }
    let total = |c: usize| Total::of(weights.iter().skip(c).step_by(channels).copied());
    let lists = Lists::prepare(node, &rule, (channels, padded), layout.offset, total)?;
    let own =
        woven(strip.row(), rows, (panel, group)).checked_mul(layout.element).ok_or(Refusal::TooLarge)?;
    let bytes = strip.scratch(panel, size_of::<i8>())?.checked_add(own.next_multiple_of(4));
    node.scratch(bytes.ok_or(Refusal::TooLarge)?)?;
    let apart = (sizes.columns.dilation * channels) as u32;
    let [channels, width, rows, columns] = [channels, width, rows, columns].map(|n| n as u32);
    Ok(Some(Packed { weights: packed, lists, channels, width, rows, columns, apart, rule }))
}

/// Elements of woven rows of `row` elements, and those behind them that the last panel may read.
fn woven(row: usize, rows: usize, (panel, group): (usize, usize)) -> usize {
    rows.div_ceil(group).saturating_mul(row).saturating_add(panel).saturating_mul(group)
}

impl Packed {
    pub(in crate::kernels) fn load<'s>(&self, node: &Invoke<'s>) -> Int8<'s> {
        let [channels, width, rows, columns, apart] =
            [self.channels, self.width, self.rows, self.columns, self.apart].map(|n| n as usize);
        Int8 {
            weights: node.list(self.weights),
            outputs: self.lists.load(node, &self.rule),
            channels,
            width,
            rows,
            columns,
            apart,
        }
    }
}

/// Packed int8 weights with what turns sums into outputs.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Int8<'s> {
    weights: &'s [i8],
    outputs: Columns<'s>,
    channels: usize,
    width: usize,
    rows: usize,
    columns: usize,
    apart: usize,
}

impl Windows for Int8<'_> {
    type Value = i8;
    type Element<S: Simd> = i8;

    #[inline(always)]
    fn outside(&self) -> i8 {
        self.outputs.outside()
    }

    #[inline(always)]
    fn stage<S: Simd>(_simd: S, from: &[i8], to: &mut [i8]) {
        copy(from, to);
    }

    #[inline(always)]
    fn scratch<S: Simd>(&self, row: usize) -> usize {
        let elements = woven(row, self.rows, (2 * S::LANES, S::GROUP));
        (elements * size_of::<S::Element>()).next_multiple_of(4)
    }

    #[inline(always)]
    fn row<S: Simd>(
        &self,
        simd: S,
        staged: &[i8],
        starts: &[u32],
        step: usize,
        scratch: &mut [u8],
        out: &mut [i8],
    ) {
        let whole = scratch.len() - scratch.len() % size_of::<S::Element>();
        let Ok(woven) = bytemuck::try_cast_slice_mut(scratch.get_mut(..whole).unwrap_or_default()) else {
            return;
        };
        let groups = self.rows.div_ceil(S::GROUP);
        let length = (woven.len() / S::GROUP).saturating_sub(2 * S::LANES) / groups.max(1);
        for (to, starts) in woven.chunks_exact_mut((length * S::GROUP).max(1)).zip(starts.chunks(S::GROUP)) {
            let mut rows: [&[i8]; MAX_GROUP] = [&[]; MAX_GROUP];
            for (g, row) in rows.iter_mut().enumerate() {
                // Rows beyond the window's last have weights of 0.
                let start = starts.get(g.min(starts.len() - 1)).map_or(0, |&start| start as usize);
                *row = staged.get(start..start + length).unwrap_or_default();
            }
            simd.weave(rows, to);
        }
        if self.channels != 0 {
            let step = self.width / self.channels * step;
            simd.apart(Int8Row::<S> { windows: self, woven, groups, length, step, out });
        }
    }
}

/// A row of outputs: `groups` groups of woven rows of `length` elements, and the elements from one window to the
/// next.
struct Int8Row<'t, 's, S: Simd> {
    windows: &'t Int8<'s>,
    woven: &'t [S::Element],
    groups: usize,
    length: usize,
    step: usize,
    out: &'t mut [i8],
}

impl<S: Simd> Part<S> for Int8Row<'_, '_, S> {
    type Output = ();

    #[inline(always)]
    fn run(mut self, simd: S) {
        let mut channel = 0;
        while channel + S::LANES < self.windows.width {
            self.panel::<2>(simd, channel);
            channel += 2 * S::LANES;
        }
        if channel < self.windows.width {
            self.panel::<1>(simd, channel);
        }
    }
}

impl<S: Simd> Int8Row<'_, '_, S> {
    /// The panel of `N` vectors that starts at `channel`.
    #[inline(always)]
    fn panel<const N: usize>(&mut self, simd: S, channel: usize) {
        let Int8 { outputs, width, .. } = *self.windows;
        let scales = outputs.scales::<S, N>(simd, channel);
        let mut at = channel;
        let mut start = 0;
        let length = self.out.len();
        while start < length {
            if length - start >= TOGETHER * width {
                let sums = self.sums::<TOGETHER, N>(simd, channel, at);
                for sums in sums {
                    let out = self.out.get_mut(start + channel..start + width).unwrap_or_default();
                    outputs.finish(simd, &scales, sums, out);
                    start += width;
                }
                at += TOGETHER * self.step;
            } else {
                // The last window that is several in one may be cut off.
                let [sums] = self.sums::<1, N>(simd, channel, at);
                let end = length.min(start + width);
                let out = self.out.get_mut(start + channel..end).unwrap_or_default();
                outputs.finish(simd, &scales, sums, out);
                start += width;
                at += self.step;
            }
        }
    }

    /// The sums of the panel for `M` windows, the first at element `at` of the rows.
    #[inline(always)]
    fn sums<const M: usize, const N: usize>(&self, simd: S, channel: usize, at: usize) -> [[S::I32; N]; M] {
        let Int8 { weights, columns, apart, .. } = *self.windows;
        let vector = S::LANES * S::GROUP;
        let mut sums = [[simd.splat_i32(0); N]; M];
        // Windows as long as it takes, so that one check in the loops does for all of them.
        let last = self.groups.saturating_sub(1) * self.length + columns.saturating_sub(1) * apart;
        let span = last * S::GROUP + N * vector;
        let mut windows: [&[S::Element]; M] = [&[]; M];
        for (m, window) in windows.iter_mut().enumerate() {
            let start = (at + m * self.step) * S::GROUP;
            let Some(cells) = self.woven.get(start..start + span) else { return sums };
            *window = cells;
        }
        let mut weights = weights.get(channel * self.groups * columns * S::GROUP..).unwrap_or_default();
        for group in 0..self.groups {
            for column in 0..columns {
                let Some((tap, rest)) = weights.split_at_checked(N * vector) else { return sums };
                weights = rest;
                let mut vectors = [simd.load_groups(tap); N];
                for (n, to) in vectors.iter_mut().enumerate().skip(1) {
                    *to = simd.load_groups(tap.get(n * vector..).unwrap_or_default());
                }
                let first = (group * self.length + column * apart) * S::GROUP;
                for (sums, window) in sums.iter_mut().zip(windows) {
                    let Some(cells) = window.get(first..first + N * vector) else { continue };
                    for (n, sum) in sums.iter_mut().enumerate() {
                        let cells = simd.load_woven(cells.get(n * vector..).unwrap_or_default());
                        *sum = simd.dot(*sum, cells, vectors[n]);
                    }
                }
            }
        }
        sums
    }
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
    if width == channels || !node.packs_weights() {
        return Ok(in_place);
    }
    let (Some(weights), Some(biases)) = (Floats::of(node, 1), Floats::bias(node)) else {
        return Ok(in_place);
    };
    let cells = sizes.rows.kernel * sizes.columns.kernel;
    let packed = node.list::<f32>(cells * width)?;
    for (at, to) in node.list_mut::<f32>(packed).iter_mut().enumerate() {
        *to = weights.get(at / width * channels + at % channels);
    }
    let bias = node.list::<f32>(width)?;
    node.list_mut::<f32>(bias).iter_mut().enumerate().for_each(|(at, to)| *to = biases.get(at % channels));
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
    fn row<S: Simd>(
        &self,
        simd: S,
        staged: &[f32],
        starts: &[u32],
        step: usize,
        _scratch: &mut [u8],
        out: &mut [f32],
    ) {
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
