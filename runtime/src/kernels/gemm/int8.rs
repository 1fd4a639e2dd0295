//! int8 products: groups of staged activations with groups of packed weights, 32-bit sums, and the
//! double rounding of the one rule.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_simd::Simd;

use super::tile::{Arithmetic, Matrix, block};
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
    /// Whether it is laid out for the level's half.
    half: u32,
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
    /// Half of what the shift to the right makes one, where [`Simd::requantize`] does for all columns; else
    /// the shifts to the left.
    other: Span,
    plain: u32,
}

/// Sums that are nearer to 0 are for [`Simd::requantize`].
const PLAIN: i64 = 1 << 30;

/// The weights of one column, added up.
pub(super) struct Total {
    sum: i32,
    magnitude: i64,
}

impl Total {
    pub(super) fn of(weights: impl Iterator<Item = u8>) -> Self {
        weights.fold(Self { sum: 0, magnitude: 0 }, |total, w| {
            let w = i32::from(w as i8);
            Self { sum: total.sum.wrapping_add(w), magnitude: total.magnitude + i64::from(w.abs()) }
        })
    }
}

impl Lists {
    /// Makes the lists for `columns` columns, repeated up to `padded`. `total` adds up a column's
    /// weights: with their sum the zero point of the activations moves into the bias, together with what
    /// staged activations have on top: `sum((x - z) * w) = sum((x + o) * w) - (z + o) * sum(w)`.
    pub(super) fn prepare(
        node: &mut Prepare<'_>,
        rule: &Requantize,
        (columns, padded): (usize, usize),
        offset: i32,
        total: impl Fn(usize) -> Total,
    ) -> Result<Self, Refusal> {
        let bias_bytes = node.constant(2).unwrap_or_default();
        let bias = |f: usize| {
            bias_bytes.get(4 * f..).and_then(|b| b.first_chunk()).map_or(0, |b| i32::from_le_bytes(*b))
        };
        let plain = (0..columns).all(|f| {
            // An activation is at most 255 from its zero point.
            let most = i64::from(bias(f)).abs().saturating_add(255 * total(f).magnitude);
            most < PLAIN && (-31..0).contains(&rule.multiplier(node, f).shift)
        });
        let lists = Self {
            bias: node.list::<i32>(padded)?,
            q: node.list::<i32>(padded)?,
            right: node.list::<i32>(padded)?,
            other: node.list::<i32>(padded)?,
            plain: plain.into(),
        };
        for at in 0..padded {
            let f = at % columns;
            let bias = bias(f).wrapping_sub(total(f).sum.wrapping_mul(rule.input_zero + offset));
            let multiplier = rule.multiplier(node, f);
            let (left, right) = (multiplier.shift.max(0), (-multiplier.shift).max(0));
            let other = if plain { 1 << (right - 1) } else { left };
            for (list, value) in
                [(lists.bias, bias), (lists.q, multiplier.q), (lists.right, right), (lists.other, other)]
            {
                if let Some(to) = node.list_mut::<i32>(list).get_mut(at) {
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
            other: node.list(self.other),
            plain: self.plain != 0,
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
    other: &'s [i32],
    plain: bool,
    rule: Requantize,
}

/// The part of [`Columns`] that one vector of columns has.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Scale<S: Simd> {
    bias: S::I32,
    q: S::I32,
    right: S::I32,
    other: S::I32,
}

impl Columns<'_> {
    /// What the `N` vectors of columns from `column` on are scaled by.
    #[inline(always)]
    pub(super) fn scales<S: Simd, const N: usize>(&self, simd: S, column: usize) -> [Scale<S>; N] {
        let mut scales = [self.scale(simd, column); N];
        for (n, scale) in scales.iter_mut().enumerate().skip(1) {
            *scale = self.scale(simd, column + n * S::LANES);
        }
        scales
    }
}

impl Arithmetic for Columns<'_> {
    type Value = i8;
    type Weight = i8;
    type Element<S: Simd> = S::Element;
    type Group<S: Simd> = S::Group;
    type Vector<S: Simd> = S::Groups;
    type Sums<S: Simd> = S::I32;
    type Scale<S: Simd> = Scale<S>;

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
    fn scale<S: Simd>(&self, simd: S, column: usize) -> Scale<S> {
        Scale {
            bias: simd.load_i32(self.bias.get(column..).unwrap_or_default()),
            q: simd.load_i32(self.q.get(column..).unwrap_or_default()),
            right: simd.load_i32(self.right.get(column..).unwrap_or_default()),
            other: simd.load_i32(self.other.get(column..).unwrap_or_default()),
        }
    }

    #[inline(always)]
    fn finish<S: Simd, const N: usize>(
        &self,
        simd: S,
        scales: &[Scale<S>; N],
        mut sums: [S::I32; N],
        out: &mut [i8],
    ) {
        for (sum, scale) in sums.iter_mut().zip(scales) {
            let Scale { bias, q, right, other } = *scale;
            let whole = simd.add_i32(*sum, bias);
            *sum = if self.plain {
                simd.requantize(whole, q, right, other)
            } else {
                simd.rounding_shift_right(simd.doubling_high_mul(simd.shift_left(whole, other), q), right)
            };
        }
        let Requantize { output_zero, min, max, .. } = self.rule;
        simd.store_clamped(sums, output_zero, (min, max), out);
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
    let layout = Layout::for_columns(node, columns);
    let padded = columns.next_multiple_of(layout.lanes);
    let packed = node.list::<i8>(padded * runs * run.next_multiple_of(layout.group))?;
    let (bytes, _) = weights.as_chunks::<1>();
    let out = node.list_mut::<i8>(packed);
    pack_panels(bytes, (runs, run), (layout.lanes, layout.group), |[w]| w as i8, out);
    let depth = runs * run;
    let total = |f: usize| Total::of(weights.iter().skip(f * depth).take(depth).copied());
    let lists = Lists::prepare(node, &rule, (columns, padded), layout.offset, total)?;
    let (columns, run, half) = (columns as u32, run as u32, layout.half.into());
    Ok(Some(Packed { weights: packed, lists, columns, run, half, rule }))
}

impl Packed {
    /// Bytes of scratch memory for the rows of a block.
    pub(in crate::kernels) fn scratch(&self, node: &Prepare<'_>) -> usize {
        let layout = Layout::for_columns(node, self.columns as usize);
        let length = (self.run as usize).next_multiple_of(layout.group);
        block(length, layout.rows) * length * layout.element
    }

    pub(in crate::kernels) fn load<'s>(&self, node: &Invoke<'s>) -> Matrix<'s, Columns<'s>> {
        Matrix {
            weights: node.list(self.weights),
            count: self.columns as usize,
            run: self.run as usize,
            half: self.half != 0,
            arithmetic: self.lists.load(node, &self.rule),
        }
    }
}
