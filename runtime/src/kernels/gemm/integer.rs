//! Integer products: groups of staged activations with groups of packed weights, 32-bit sums, and the
//! double rounding of the one rule.

use core::marker::PhantomData;

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_simd::Simd;

use super::product::Integers;
use super::tile::{Arithmetic, Matrix, block};
use super::{Layout, constant_weights, depthwise, pack as pack_panels};
use crate::arena::Span;
use crate::fixed::Multiplier;
use crate::kernels::filter::Requantize;
use crate::node::{Invoke, Prepare};

/// Packed weights of a matrix.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Weights {
    list: Span,
    columns: u32,
    run: u32,
    /// Whether it is laid out for the level's half.
    half: u32,
}

impl Weights {
    /// Packs weights with this zero point; `at` says where in `bytes` element `k` of column `f` is.
    pub(super) fn pack<P: Integers>(
        node: &mut Prepare<'_>,
        bytes: &[u8],
        zero: i32,
        (columns, at): (usize, impl Fn(usize, usize) -> usize),
        (runs, run): (usize, usize),
    ) -> Result<Self, Refusal> {
        let layout = Layout::for_columns::<P>(node, columns);
        let padded = columns.next_multiple_of(layout.lanes);
        let list = node.list_of_vectors::<P::Weight>(padded * runs * run.next_multiple_of(layout.group))?;
        let sizes = (layout.lanes, layout.group);
        let weight = |f: usize, k: usize| bytes.get(at(f, k)).map(|&w| P::weight(w, zero));
        pack_panels(columns, (runs, run), sizes, weight, node.list_mut(list));
        Ok(Self { list, columns: columns as u32, run: run as u32, half: layout.half.into() })
    }

    /// Bytes of scratch memory for the rows of a block.
    pub(super) fn scratch<P: Integers>(&self, node: &Prepare<'_>) -> usize {
        let layout = Layout::for_columns::<P>(node, self.columns as usize);
        let length = (self.run as usize).next_multiple_of(layout.group);
        block(length, layout.rows) * length * layout.element
    }

    pub(super) fn load<'s, A: Arithmetic>(&self, node: &Invoke<'s>, arithmetic: A) -> Matrix<'s, A> {
        Matrix {
            weights: node.list(self.list),
            count: self.columns as usize,
            run: self.run as usize,
            half: self.half != 0,
            arithmetic,
        }
    }
}

/// Packed weights of a matrix, and what turns their sums into outputs.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Packed {
    weights: Weights,
    lists: Lists,
    rule: Requantize,
}

/// How weights lie in a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernels) enum Order {
    /// One column after the other.
    Columns,
    /// The first elements of all columns, then the second ones.
    Elements,
}

/// Packs constant weights of `columns` columns with `runs * run` elements; `None` where they or the bias are
/// computed, or sums are too large.
pub(in crate::kernels) fn pack<P: Integers>(
    node: &mut Prepare<'_>,
    rule: Requantize,
    (columns, order): (usize, Order),
    (runs, run): (usize, usize),
) -> Result<Option<Packed>, Refusal> {
    let Some(bytes) = constant_weights(node) else { return Ok(None) };
    let layout = Layout::for_columns::<P>(node, columns);
    let depth = runs * run;
    let at = move |f: usize, k: usize| match order {
        Order::Columns => f * depth + k,
        Order::Elements => k * columns + f,
    };
    let column = |f: usize| (0..depth).filter_map(move |k| bytes.get(at(f, k)).copied());
    let padded = columns.next_multiple_of(layout.lanes);
    let lists = Lists::prepare::<P, _>(node, &rule, (columns, padded), layout, column)?;
    let Some(lists) = lists else { return Ok(None) };
    let weights = Weights::pack::<P>(node, bytes, rule.weights_zero, (columns, at), (runs, run))?;
    Ok(Some(Packed { weights, lists, rule }))
}

impl Packed {
    /// Bytes of scratch memory for the rows of a block.
    pub(in crate::kernels) fn scratch<P: Integers>(&self, node: &Prepare<'_>) -> usize {
        self.weights.scratch::<P>(node)
    }

    pub(in crate::kernels) fn load<'s, P: Integers>(&self, node: &Invoke<'s>) -> Matrix<'s, Columns<'s, P>> {
        self.weights.load(node, self.lists.load(node, &self.rule))
    }
}

/// Packed weights of channels of their own, and what turns their sums into outputs.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Channels {
    weights: depthwise::Weights,
    lists: Lists,
    rule: Requantize,
}

impl Channels {
    /// Packs constant weights `[rows, columns, channels]`; `None` where they or the bias are computed, or sums are
    /// too large.
    pub(in crate::kernels) fn pack<P: Integers>(
        node: &mut Prepare<'_>,
        rule: Requantize,
        shape: &depthwise::Shape,
    ) -> Result<Option<Self>, Refusal> {
        let Some(bytes) = constant_weights(node) else { return Ok(None) };
        let layout = Layout::of::<P>(node);
        let channels = shape.channels();
        let column = |c: usize| bytes.iter().skip(c).step_by(channels).copied();
        let columns = (channels, shape.padded(&layout));
        let lists = Lists::prepare::<P, _>(node, &rule, columns, layout, column)?;
        let Some(lists) = lists else { return Ok(None) };
        let weights = depthwise::Weights::pack::<P>(node, bytes, rule.weights_zero, shape)?;
        Ok(Some(Self { weights, lists, rule }))
    }

    pub(in crate::kernels) fn load<'s, P: Integers>(
        &self,
        node: &Invoke<'s>,
    ) -> depthwise::Channels<'s, Columns<'s, P>> {
        self.weights.load(node, self.lists.load(node, &self.rule))
    }
}

/// For each column: the bias, less the zero point's share, and the multiplier, whose shift is to the
/// right, after one to the left in the few operators that scale up.
///
/// One vector of columns after the other, filled up to whole ones, has [`Field`]s of `lanes` numbers each, so that what makes outputs of
/// a vector of sums lies together.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct Lists {
    list: Span,
    plain: u32,
}

/// What a vector of columns has.
#[derive(Clone, Copy)]
enum Field {
    Bias,
    Q,
    Right,
    /// Half of what the shift to the right makes one, where [`Simd::requantize`] or [`Simd::requantize_wide`] does for
    /// all columns; else the shifts to the left.
    Other,
}

impl Field {
    /// How many there are.
    const COUNT: usize = 4;
}

/// Sums that are nearer to 0 are for [`Simd::requantize`].
const PLAIN: i64 = 1 << 30;

/// Sums that are nearer to 0 are for [`Simd::requantize_wide`].
const WIDE: i64 = 1 << 31;

/// What one column has.
struct Column {
    bias: i64,
    /// The sum of the weights.
    total: i32,
    /// The largest that a sum can be.
    most: i64,
    multiplier: Multiplier,
}

impl Column {
    fn of<P: Integers>(
        node: &mut Prepare<'_>,
        rule: &Requantize,
        f: usize,
        weights: impl Iterator<Item = u8>,
    ) -> Self {
        let bias = node.constant(2).unwrap_or_default();
        let bias = match P::WIDE {
            true => bias.as_chunks().0.get(f).map_or(0, |b| i64::from_le_bytes(*b)),
            false => bias.as_chunks().0.get(f).map_or(0, |b| i32::from_le_bytes(*b).into()),
        };
        let weights = weights.map(|w| P::number(P::weight(w, rule.weights_zero)));
        let (total, most) = weights.fold((0i32, bias.saturating_abs()), |(total, most), w| {
            (total.wrapping_add(w), most.saturating_add(P::FARTHEST * i64::from(w.abs())))
        });
        Self { bias, total, most, multiplier: rule.multiplier(node, f) }
    }

    /// The numbers for [`Simd::requantize_wide`]; `None` where it would have other results than the rule.
    fn wide(&self) -> Option<[i32; Field::COUNT]> {
        let (q, right) = self.multiplier.reduced();
        let fits = self.most < WIDE && (1..=32).contains(&right);
        fits.then(|| [self.bias as i32, q, right as i32, (1u32 << (right - 1)) as i32])
    }

    /// Whether [`Simd::requantize`] does.
    fn is_plain(&self) -> bool {
        self.most < PLAIN && (-31..0).contains(&self.multiplier.shift)
    }

    /// The numbers for sums of 32 bits; `on_top` is the zero point of the activations and what they have on top of it.
    fn narrow(&self, on_top: i32, plain: bool) -> [i32; Field::COUNT] {
        let Multiplier { q, shift } = self.multiplier;
        let bias = (self.bias as i32).wrapping_sub(self.total.wrapping_mul(on_top));
        let right = (-shift).max(0);
        [bias, q, right, if plain { 1 << (right - 1).max(0) } else { shift.max(0) }]
    }
}

impl Lists {
    /// Makes the lists for `columns` columns, repeated up to `padded`; `None` where sums of the rule are larger than
    /// vectors have them. `column` gives a column's
    /// weights: with their sum the zero point of the activations moves into the bias, together with what
    /// staged activations have on top: `sum((x - z) * w) = sum((x + o) * w) - (z + o) * sum(w)`.
    fn prepare<P: Integers, I: Iterator<Item = u8>>(
        node: &mut Prepare<'_>,
        rule: &Requantize,
        (columns, padded): (usize, usize),
        Layout { lanes, offset, .. }: Layout,
        column: impl Fn(usize) -> I,
    ) -> Result<Option<Self>, Refusal> {
        let column = |node: &mut Prepare<'_>, f: usize| Column::of::<P>(node, rule, f, column(f));
        let plain = !P::WIDE && (0..columns).all(|f| column(node, f).is_plain());
        if P::WIDE && (0..columns).any(|f| column(node, f).wide().is_none()) {
            return Ok(None);
        }
        let list = node.list_of_vectors::<i32>(padded * Field::COUNT)?;
        let lanes = lanes.max(1);
        for at in 0..if columns == 0 { 0 } else { padded } {
            let column = column(node, at % columns);
            let narrow = || column.narrow(rule.input_zero + offset, plain);
            let values = if P::WIDE { column.wide().unwrap_or_default() } else { narrow() };
            let start = at / lanes * lanes * Field::COUNT + at % lanes;
            let list = node.list_mut::<i32>(list).get_mut(start..).unwrap_or_default();
            list.iter_mut().step_by(lanes).zip(values).for_each(|(to, value)| *to = value);
        }
        Ok(Some(Self { list, plain: plain.into() }))
    }

    fn load<'s, P: Integers>(&self, node: &Invoke<'s>, rule: &Requantize) -> Columns<'s, P> {
        Columns { list: node.list(self.list), plain: self.plain != 0, rule: *rule, product: PhantomData }
    }
}

/// Turns vectors of sums into outputs.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Columns<'s, P> {
    list: &'s [i32],
    plain: bool,
    rule: Requantize,
    product: PhantomData<P>,
}

/// The part of [`Columns`] that one vector of columns has.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Scale<S: Simd> {
    q: S::I32,
    right: S::I32,
    other: S::I32,
}

impl<P: Integers> Columns<'_, P> {
    /// These fields of the vector that starts at `column`.
    #[inline(always)]
    fn fields<S: Simd, const N: usize>(&self, simd: S, column: usize, fields: [Field; N]) -> [S::I32; N] {
        let mut vectors = [simd.splat_i32(0); N];
        let start = column * Field::COUNT;
        // One check for all of them.
        let Some(all) = self.list.get(start..start + Field::COUNT * S::LANES) else { return vectors };
        for (to, field) in vectors.iter_mut().zip(fields) {
            let start = field as usize * S::LANES;
            *to = simd.load_i32(all.get(start..start + S::LANES).unwrap_or_default());
        }
        vectors
    }

    /// The sums of a row times their multipliers, rounded.
    #[inline(always)]
    fn scaled<S: Simd, const N: usize>(
        &self,
        simd: S,
        scales: &[Scale<S>; N],
        sums: [P::Sums<S>; N],
    ) -> [S::I32; N] {
        let mut scaled = [simd.splat_i32(0); N];
        for ((to, sum), scale) in scaled.iter_mut().zip(sums).zip(scales) {
            let (sum, Scale { q, right, other }) = (P::sums::<S>(sum), *scale);
            *to = if P::WIDE {
                simd.requantize_wide(sum, q, right, other)
            } else if self.plain {
                simd.requantize(sum, q, right, other)
            } else {
                simd.rounding_shift_right(simd.doubling_high_mul(simd.shift_left(sum, other), q), right)
            };
        }
        scaled
    }
}

impl<P: Integers> Arithmetic for Columns<'_, P> {
    type Product = P;
    type Output = P::Value;
    type Scale<S: Simd> = Scale<S>;

    #[inline(always)]
    fn outside(&self) -> P::Value {
        P::value(self.rule.input_zero)
    }

    #[inline(always)]
    fn scale<S: Simd>(&self, simd: S, column: usize) -> Scale<S> {
        let [q, right, other] = self.fields(simd, column, [Field::Q, Field::Right, Field::Other]);
        Scale { q, right, other }
    }

    #[inline(always)]
    fn start<S: Simd>(&self, simd: S, column: usize) -> P::Sums<S> {
        let [bias] = self.fields(simd, column, [Field::Bias]);
        P::bias(bias)
    }

    #[inline(always)]
    fn finish_rows<S: Simd, const M: usize, const N: usize>(
        &self,
        simd: S,
        scales: &[Scale<S>; N],
        sums: [[P::Sums<S>; N]; M],
        (column, count): (usize, usize),
        out: &mut [P::Value],
    ) {
        let Requantize { output_zero, min, max, .. } = self.rule;
        let mut rest = out;
        let (pairs, last) = sums.as_chunks::<2>();
        for &[a, b] in pairs {
            let Some((row, after)) = rest.split_at_mut_checked(count) else { return };
            let Some((next, after)) = after.split_at_mut_checked(count) else { return };
            rest = after;
            let rows = [row, next].map(|row| row.get_mut(column..).unwrap_or_default());
            let scaled = [self.scaled(simd, scales, a), self.scaled(simd, scales, b)];
            P::store_pair(simd, scaled, output_zero, (min, max), rows);
        }
        if let (Some(&sums), Some(row)) = (last.first(), rest.get_mut(column..count)) {
            self.finish(simd, scales, sums, row);
        }
    }

    #[inline(always)]
    fn finish<S: Simd, const N: usize>(
        &self,
        simd: S,
        scales: &[Scale<S>; N],
        sums: [P::Sums<S>; N],
        out: &mut [P::Value],
    ) {
        let Requantize { output_zero, min, max, .. } = self.rule;
        P::store(simd, self.scaled(simd, scales, sums), output_zero, (min, max), out);
    }
}
