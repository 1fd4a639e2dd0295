//! Depthwise convolution, several channels at a time.
//!
//! Windows read their cells from a strip of staged rows; panels of channels are summed over them. For int8
//! the rows of a window are woven first, as many as the level multiplies at once: each group of products is
//! one column of the window, and all windows of a row of outputs read the same woven cells. Of windows of one
//! row it is columns that are woven: a row of cells with the same row one column on, and so forth.
//!
//! Where windows are one cell apart, those of a row of outputs lie together as the cells that they read do:
//! several windows of few channels are one window of many, with the weights repeated.

mod float;

use core::hint::black_box;

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_simd::{MAX_GROUP, Part, Simd};

use super::product::{Integers, Product as _};
use super::tile::{Arithmetic, Element, Sums, Value, Weight};
use super::{Layout, Strip, Windows, copy};
use crate::arena::{LINE, Span, in_lines};
use crate::kernels::filter::Sizes;
use crate::node::{Invoke, Prepare};

pub(in crate::kernels) use float::{PackedFloat, pack_float};

/// Windows that are summed together at least, where a row of outputs has so many.
const TOGETHER: usize = 4;

/// What a depthwise convolution takes from its sizes.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Shape {
    channels: u32,
    /// Channels of a window and of those that are one with it.
    width: u32,
    /// Rows and columns of a window, and elements from one of its columns to the next.
    rows: u32,
    columns: u32,
    apart: u32,
}

/// How windows walk through woven cells.
#[derive(Clone, Copy)]
struct Walk {
    /// Groups of rows.
    groups: usize,
    /// Steps along each, and elements from one to the next.
    steps: usize,
    apart: usize,
}

impl Shape {
    pub(in crate::kernels) fn of(sizes: &Sizes, layout: &Layout) -> Self {
        let (channels, panel) = (sizes.channels, layout.panel());
        let repeats = sizes.columns.stride == 1 && panel.is_multiple_of(channels.max(1));
        let width = if repeats { panel } else { channels };
        let apart = sizes.columns.dilation * channels;
        let [channels, width, rows, columns, apart] =
            [channels, width, sizes.rows.kernel, sizes.columns.kernel, apart].map(|n| n as u32);
        Self { channels, width, rows, columns, apart }
    }

    /// The channels of a window, at least 1.
    pub(super) fn channels(&self) -> usize {
        self.channels.max(1) as usize
    }

    /// The channels that lists have.
    pub(super) fn padded(&self, layout: &Layout) -> usize {
        (self.width as usize).next_multiple_of(layout.lanes)
    }

    /// Whether columns are woven.
    fn is_row(&self) -> bool {
        self.rows == 1
    }

    fn walk(&self, group: usize) -> Walk {
        let [rows, columns, apart] = [self.rows, self.columns, self.apart].map(|n| n as usize);
        match self.is_row() {
            true => Walk { groups: 1, steps: columns.div_ceil(group), apart: group * apart },
            false => Walk { groups: rows.div_ceil(group), steps: columns, apart },
        }
    }

    /// Where the weight of a cell of the window is: the group and step of its walk, counted through, and the element of the group.
    fn tap(&self, (row, column): (usize, usize), group: usize) -> (usize, usize) {
        match self.is_row() {
            true => (column / group, column % group),
            false => (row / group * self.columns as usize + column, row % group),
        }
    }

    /// Elements behind a row that woven columns read; their weights are 0.
    fn behind(&self, group: usize) -> usize {
        if self.is_row() { (group - 1).saturating_mul(self.apart as usize) } else { 0 }
    }

    /// Elements of woven rows of `row` elements, and those behind them that the last panel may read.
    fn woven(&self, row: usize, (panel, group): (usize, usize)) -> usize {
        self.walk(group).groups.saturating_mul(row).saturating_add(panel).saturating_mul(group)
    }

    /// Bytes of scratch memory, for the rows of `strip`.
    ///
    /// # Errors
    /// Where that is more than an arena can hold.
    pub(in crate::kernels) fn scratch(&self, strip: &Strip, layout: &Layout) -> Result<usize, Refusal> {
        let woven = self.woven(strip.row(), (layout.panel(), layout.group)).checked_mul(layout.element);
        let behind = self.behind(layout.group).saturating_add(layout.panel());
        let rows = strip.scratch(behind, layout.value)?;
        woven.and_then(|n| rows.checked_add(n.next_multiple_of(4) + LINE)).ok_or(Refusal::TooLarge)
    }
}

/// Packed weights: for each panel of channels, for each group of the window's rows and each of its columns,
/// groups of weights.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Weights {
    list: Span,
    shape: Shape,
}

impl Weights {
    /// Packs weights `[rows, columns, channels]` with this zero point.
    pub(super) fn pack<P: Integers>(
        node: &mut Prepare<'_>,
        bytes: &[u8],
        zero: i32,
        shape: &Shape,
    ) -> Result<Self, Refusal> {
        let layout = Layout::of::<P>(node);
        let (columns, channels) = (shape.columns as usize, shape.channels());
        let (panel, group) = (layout.panel(), layout.group);
        let (walk, padded) = (shape.walk(group), shape.padded(&layout));
        let taps = walk.groups * walk.steps;
        let list = node.list_of_vectors::<P::Weight>(padded * taps * group)?;
        let out = node.list_mut::<P::Weight>(list);
        for (cell, weights) in bytes.chunks_exact(channels).enumerate() {
            let (tap, element) = shape.tap((cell / columns.max(1), cell % columns.max(1)), group);
            for c in 0..padded {
                let first = c - c % panel;
                let at = first * taps + tap * panel.min(padded - first) + c - first;
                if let (Some(to), Some(&w)) = (out.get_mut(at * group + element), weights.get(c % channels)) {
                    *to = P::weight(w, zero);
                }
            }
        }
        Ok(Self { list, shape: *shape })
    }

    pub(super) fn load<'s, A: Arithmetic>(&self, node: &Invoke<'s>, arithmetic: A) -> Channels<'s, A> {
        Channels { weights: node.list(self.list), arithmetic, shape: self.shape }
    }
}

/// Packed weights with what turns sums into outputs.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Channels<'s, A: Arithmetic> {
    weights: &'s [Weight<A>],
    arithmetic: A,
    shape: Shape,
}

impl<A: Arithmetic> Windows for Channels<'_, A>
where
    A::Product: Integers,
{
    type Value = Value<A>;
    type Output = A::Output;
    type Element<S: Simd> = Value<A>;

    #[inline(always)]
    fn outside(&self) -> Value<A> {
        self.arithmetic.outside()
    }

    #[inline(always)]
    fn stage<S: Simd>(_simd: S, from: &[Value<A>], to: &mut [Value<A>]) {
        copy(from, to);
    }

    #[inline(always)]
    fn scratch<S: Simd>(&self, row: usize) -> usize {
        let elements = self.shape.woven(row, (2 * S::LANES, A::Product::group::<S>()));
        (elements * size_of::<Element<A, S>>()).next_multiple_of(4) + LINE
    }

    #[inline(always)]
    fn row<S: Simd>(
        &self,
        simd: S,
        staged: &[Value<A>],
        starts: &[u32],
        step: usize,
        scratch: &mut [u8],
        out: &mut [A::Output],
    ) {
        let scratch = in_lines(scratch);
        let whole = scratch.len() - scratch.len() % size_of::<Element<A, S>>();
        let Ok(woven) = bytemuck::try_cast_slice_mut(scratch.get_mut(..whole).unwrap_or_default()) else {
            return;
        };
        let group = A::Product::group::<S>();
        let walk = self.shape.walk(group);
        let length = (woven.len() / group).saturating_sub(2 * S::LANES) / walk.groups.max(1);
        // There may be room for more than is staged.
        let most = starts.iter().fold(0, |most, &start| most.max(start as usize)) + self.shape.behind(group);
        let length = length.min(staged.len().saturating_sub(most));
        for (to, starts) in woven.chunks_exact_mut((length * group).max(1)).zip(starts.chunks(group)) {
            let mut rows: [&[Value<A>]; MAX_GROUP] = [&[]; MAX_GROUP];
            for (g, row) in rows.iter_mut().enumerate().take(group) {
                // Rows beyond the window's last have weights of 0.
                let start = starts.get(g.min(starts.len() - 1)).map_or(0, |&start| start as usize);
                let start = start + if self.shape.is_row() { g * self.shape.apart as usize } else { 0 };
                *row = staged.get(start..start + length).unwrap_or_default();
            }
            A::Product::weave(simd, rows, to);
        }
        if let Some(windows) = self.shape.width.checked_div(self.shape.channels) {
            let step = windows as usize * step;
            simd.apart(Row::<A, S> { windows: self, woven, walk, length, step, out });
        }
    }
}

/// A row of outputs: groups of woven rows of `length` elements, and the elements from one window to the next.
struct Row<'t, 's, A: Arithmetic, S: Simd> {
    windows: &'t Channels<'s, A>,
    woven: &'t [Element<A, S>],
    walk: Walk,
    length: usize,
    step: usize,
    out: &'t mut [A::Output],
}

impl<A: Arithmetic, S: Simd> Part<S> for Row<'_, '_, A, S>
where
    A::Product: Integers,
{
    type Output = ();

    #[inline(always)]
    fn run(mut self, simd: S) {
        let width = self.windows.shape.width as usize;
        let mut channel = 0;
        while channel + S::LANES < width {
            self.panel::<2>(simd, channel);
            channel += 2 * S::LANES;
        }
        if channel < width {
            self.panel::<1>(simd, channel);
        }
    }
}

impl<A: Arithmetic, S: Simd> Row<'_, '_, A, S>
where
    A::Product: Integers,
{
    /// The panel of `N` vectors that starts at `channel`.
    #[inline(always)]
    fn panel<const N: usize>(&mut self, simd: S, channel: usize) {
        let Channels { arithmetic, shape, .. } = *self.windows;
        let width = shape.width as usize;
        let (mut at, mut start, length) = (channel, 0, self.out.len());
        while start < length {
            let left = length - start;
            if S::ROWS >= 2 * TOGETHER && left >= 2 * TOGETHER * width {
                self.windows::<{ 2 * TOGETHER }, N>(simd, channel, at, start);
                (at, start) = (at + 2 * TOGETHER * self.step, start + 2 * TOGETHER * width);
            } else if left >= TOGETHER * width {
                self.windows::<TOGETHER, N>(simd, channel, at, start);
                (at, start) = (at + TOGETHER * self.step, start + TOGETHER * width);
            } else {
                // The last window that is several in one may be cut off.
                let (first, scales) = (arithmetic.starts(simd, channel), arithmetic.scales(simd, channel));
                let [sums] = self.sums::<1, N>(simd, first, channel, at);
                let end = length.min(start + width);
                let out = self.out.get_mut(start + channel..end).unwrap_or_default();
                arithmetic.finish(simd, &scales, sums, out);
                (at, start) = (at + self.step, start + width);
            }
        }
    }

    /// `M` windows of the panel, the first at element `at` of the rows, and at element `start` of the outputs.
    #[inline(always)]
    fn windows<const M: usize, const N: usize>(&mut self, simd: S, channel: usize, at: usize, start: usize) {
        let Channels { arithmetic, shape, .. } = *self.windows;
        // Loaded each time, as for tiles of matrices.
        let first = arithmetic.starts(simd, black_box(channel));
        let sums = self.sums::<M, N>(simd, first, channel, at);
        let scales = arithmetic.scales(simd, black_box(channel));
        let out = self.out.get_mut(start..).unwrap_or_default();
        arithmetic.finish_rows(simd, &scales, sums, (channel, shape.width as usize), out);
    }

    /// The sums of the panel for `M` windows, the first at element `at` of the rows; they start with `first`.
    #[inline(always)]
    fn sums<const M: usize, const N: usize>(
        &self,
        simd: S,
        first: [Sums<A, S>; N],
        channel: usize,
        at: usize,
    ) -> [[Sums<A, S>; N]; M] {
        let Walk { groups, steps, apart } = self.walk;
        let group = A::Product::group::<S>();
        let vector = S::LANES * group;
        let mut sums = [first; M];
        // Windows as long as it takes, so that one check in the loops does for all of them.
        let last = groups.saturating_sub(1) * self.length + steps.saturating_sub(1) * apart;
        let span = last * group + N * vector;
        let mut windows: [&[Element<A, S>]; M] = [&[]; M];
        for (m, window) in windows.iter_mut().enumerate() {
            let start = (at + m * self.step) * group;
            let Some(cells) = self.woven.get(start..start + span) else { return sums };
            *window = cells;
        }
        let weights = self.windows.weights;
        let mut weights = weights.get(channel * groups * steps * group..).unwrap_or_default();
        for number in 0..groups {
            for step in 0..steps {
                let Some((tap, rest)) = weights.split_at_checked(N * vector) else { return sums };
                weights = rest;
                let mut vectors = [A::Product::load(simd, tap); N];
                for (n, to) in vectors.iter_mut().enumerate().skip(1) {
                    *to = A::Product::load(simd, tap.get(n * vector..).unwrap_or_default());
                }
                let first = (number * self.length + step * apart) * group;
                for (sums, window) in sums.iter_mut().zip(windows) {
                    let Some(cells) = window.get(first..first + N * vector) else { continue };
                    for (n, sum) in sums.iter_mut().enumerate() {
                        let cells = cells.get(n * vector..).unwrap_or_default();
                        *sum = A::Product::step_woven(simd, *sum, cells, vectors[n]);
                    }
                }
            }
        }
        sums
    }
}
