//! int8 products: groups of staged activations with groups of packed weights, 32-bit sums, and the
//! double rounding of the one rule.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_simd::Simd;

use super::tile::{Arithmetic, Matrix};
use super::{Layout, constant_weights, pack as pack_panels};
use crate::arena::Span;
use crate::kernels::filter::Requantize;
use crate::node::{Invoke, Prepare};

/// Packed weights, and what turns their sums into outputs; all lists are filled up to whole panels.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Packed {
    weights: Span,
    lists: Lists,
    columns: u32,
    run: u32,
    rule: Requantize,
}

/// For each column: the bias, less the zero point's share, and the multiplier, whose shift is to the
/// right, after one to the left in the few operators that scale up.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Lists {
    bias: Span,
    q: Span,
    right: Span,
    /// Empty where no column shifts to the left.
    left: Span,
}

impl Lists {
    /// Makes the lists for `columns` columns, filled up to `padded`. `sum` gives the sum of a column's
    /// weights: with it the zero point of the activations moves into the bias, together with what staged
    /// activations have on top: `sum((x - z) * w) = sum((x + o) * w) - (z + o) * sum(w)`.
    pub(super) fn prepare(
        node: &mut Prepare<'_>,
        rule: &Requantize,
        (columns, padded): (usize, usize),
        offset: i32,
        sum: impl Fn(usize) -> i32,
    ) -> Result<Self, Refusal> {
        let bias_bytes = node.constant(2).unwrap_or_default();
        let scales_up = (0..columns).any(|f| rule.multiplier(node, f).shift > 0);
        let lists = Self {
            bias: node.list::<i32>(padded)?,
            q: node.list::<i32>(padded)?,
            right: node.list::<i32>(padded)?,
            left: if scales_up { node.list::<i32>(padded)? } else { Span::default() },
        };
        for f in 0..columns {
            let bias =
                bias_bytes.get(4 * f..).and_then(|b| b.first_chunk()).map_or(0, |b| i32::from_le_bytes(*b));
            let bias = bias.wrapping_sub(sum(f).wrapping_mul(rule.input_zero + offset));
            let multiplier = rule.multiplier(node, f);
            let (left, right) = (multiplier.shift.max(0), (-multiplier.shift).max(0));
            for (list, value) in
                [(lists.bias, bias), (lists.q, multiplier.q), (lists.right, right), (lists.left, left)]
            {
                if let Some(to) = node.list_mut::<i32>(list).get_mut(f) {
                    *to = value;
                }
            }
        }
        Ok(lists)
    }

    pub(super) fn load<'s>(&self, node: &Invoke<'s>, rule: &Requantize) -> Columns<'s> {
        Columns {
            bias: node.list(self.bias),
            q: node.list(self.q),
            right: node.list(self.right),
            left: node.list(self.left),
            rule: *rule,
        }
    }
}

/// Turns vectors of sums into outputs.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Columns<'s> {
    bias: &'s [i32],
    q: &'s [i32],
    right: &'s [i32],
    left: &'s [i32],
    rule: Requantize,
}

/// The part of [`Columns`] that one vector of columns has.
#[derive(Clone, Copy)]
pub(super) struct Scale<S: Simd> {
    bias: S::I32,
    q: S::I32,
    right: S::I32,
    left: Option<S::I32>,
}

impl<S: Simd> Scale<S> {
    /// The scaled sums.
    #[inline(always)]
    fn of(&self, simd: S, sum: S::I32) -> S::I32 {
        let mut sum = simd.add_i32(sum, self.bias);
        if let Some(left) = self.left {
            sum = simd.shift_left(sum, left);
        }
        simd.rounding_shift_right(simd.doubling_high_mul(sum, self.q), self.right)
    }
}

impl Columns<'_> {
    /// What the vector of columns from `column` on is scaled by.
    #[inline(always)]
    fn scale<S: Simd>(&self, simd: S, column: usize) -> Scale<S> {
        let list = |list: &[i32]| simd.load_i32(list.get(column..).unwrap_or_default());
        Scale {
            bias: list(self.bias),
            q: list(self.q),
            right: list(self.right),
            left: if self.left.is_empty() { None } else { Some(list(self.left)) },
        }
    }

    /// What the panel that starts at `column` is scaled by.
    #[inline(always)]
    pub(super) fn scales<S: Simd>(&self, simd: S, column: usize) -> [Scale<S>; 2] {
        [self.scale(simd, column), self.scale(simd, column + S::LANES)]
    }

    /// Writes the outputs of a panel, as many as `to` has room for.
    #[inline(always)]
    pub(super) fn write<S: Simd>(&self, simd: S, scales: &[Scale<S>; 2], sums: [S::I32; 2], to: &mut [i8]) {
        let Requantize { output_zero, min, max, .. } = self.rule;
        let scaled = [scales[0].of(simd, sums[0]), scales[1].of(simd, sums[1])];
        simd.store_clamped(scaled, output_zero, (min, max), to);
    }
}

impl Arithmetic for Columns<'_> {
    type Value = i8;
    type Weight = i8;
    type Element<S: Simd> = S::Element;
    type Group<S: Simd> = S::Group;
    type Vector<S: Simd> = S::Groups;
    type Sums<S: Simd> = S::I32;

    #[inline(always)]
    fn group<S: Simd>() -> usize {
        S::GROUP
    }

    #[inline(always)]
    fn outside(&self) -> i8 {
        self.rule.input_zero as i8
    }

    #[inline(always)]
    fn stage<S: Simd>(simd: S, from: &[i8], to: &mut [S::Element]) {
        simd.stage(from, to);
    }

    #[inline(always)]
    fn groups<S: Simd>(from: &[S::Element]) -> &[S::Group] {
        S::groups(from)
    }

    #[inline(always)]
    fn zero<S: Simd>(simd: S) -> S::I32 {
        simd.splat_i32(0)
    }

    #[inline(always)]
    fn load<S: Simd>(simd: S, from: &[i8]) -> S::Groups {
        simd.load_groups(from)
    }

    #[inline(always)]
    fn step<S: Simd>(simd: S, sums: S::I32, activations: S::Group, weights: S::Groups) -> S::I32 {
        simd.dot(sums, simd.splat_group(activations), weights)
    }

    #[inline(always)]
    fn join<S: Simd>(simd: S, a: S::I32, b: S::I32) -> S::I32 {
        simd.add_i32(a, b)
    }

    #[inline(always)]
    fn finish<S: Simd, const M: usize>(
        &self,
        simd: S,
        sums: [[S::I32; 2]; M],
        column: usize,
        count: usize,
        out: &mut [i8],
    ) {
        let scales = self.scales(simd, column);
        for (sums, out) in sums.into_iter().zip(out.chunks_exact_mut(count)) {
            self.write(simd, &scales, sums, out.get_mut(column..).unwrap_or_default());
        }
    }
}

/// Packs constant weights `[columns, runs * run]`; `None` where they or the bias are computed.
pub(in crate::kernels) fn pack(
    node: &mut Prepare<'_>,
    rule: Requantize,
    columns: usize,
    (runs, run): (usize, usize),
) -> Result<Option<Packed>, Refusal> {
    let Some(weights) = constant_weights(node) else { return Ok(None) };
    let layout = Layout::of(node);
    let padded = columns.next_multiple_of(layout.panel());
    let packed = node.list::<i8>(padded * runs * run.next_multiple_of(layout.group))?;
    let (weights, _) = weights.as_chunks::<1>();
    let out = node.list_mut::<i8>(packed);
    pack_panels(weights, (runs, run), (layout.panel(), layout.group), |[w]| w as i8, out);
    let depth = runs * run;
    let sum = |f: usize| {
        let row = weights.get(f * depth..(f + 1) * depth).unwrap_or_default();
        row.iter().map(|&[w]| i32::from(w as i8)).sum()
    };
    let lists = Lists::prepare(node, &rule, (columns, padded), layout.offset, sum)?;
    let (columns, run) = (columns as u32, run as u32);
    Ok(Some(Packed { weights: packed, lists, columns, run, rule }))
}

impl Packed {
    /// Bytes of scratch memory for the rows of a tile.
    pub(in crate::kernels) fn scratch(&self, node: &Prepare<'_>) -> usize {
        let layout = Layout::of(node);
        layout.rows * (self.run as usize).next_multiple_of(layout.group) * layout.element
    }

    pub(in crate::kernels) fn load<'s>(&self, node: &Invoke<'s>) -> Matrix<'s, Columns<'s>> {
        Matrix {
            weights: node.list(self.weights),
            count: self.columns as usize,
            run: self.run as usize,
            arithmetic: self.lists.load(node, &self.rule),
        }
    }
}
