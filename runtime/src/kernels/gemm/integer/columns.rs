//! What turns the sums of a matrix' columns into outputs.

use core::marker::PhantomData;

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_simd::{Level, Simd};

use super::super::Layout;
use super::super::product::Integers;
use super::super::tile::Arithmetic;
use super::near::Near;
use crate::arena::Span;
use crate::fixed::Multiplier;
use crate::kernels::filter::Requantize;
use crate::node::{Invoke, Prepare};

/// For each column: the bias, less the zero point's share, and the multiplier, whose shift is to the
/// right, after one to the left in the few operators that scale up.
///
/// One vector of columns after the other, filled up to whole ones, has [`FIELDS`] times `lanes` numbers, so that what makes outputs of
/// a vector of sums lies together: the biases, and four numbers for the columns' [`Mode`].
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Lists {
    list: Span,
    /// A [`Mode`] for each panel.
    modes: Span,
}

/// How the sums of a panel of columns become outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// By the rule, with shifts to both sides; for 64-bit sums by [`Simd::requantize_wide`].
    Rule,
    /// By [`Simd::requantize`].
    Plain,
    /// In float32 ([`Near`]).
    Near,
    /// In float32, but for one sum of a column.
    NearButOne,
}

impl Mode {
    const ALL: [Self; 4] = [Self::Rule, Self::Plain, Self::Near, Self::NearButOne];
}

/// What a column has: the bias, and the numbers for its [`Mode`].
const FIELDS: usize = 1 + NUMBERS;

/// For the rule the multiplier and its shift to the right; then the shift to the left or, where there is none and in 64
/// bits, half of what the shift to the right makes one. In float32 what [`Near`] has.
const NUMBERS: usize = 4;

/// Sums that are nearer to 0 are for [`Simd::requantize`].
const PLAIN: i64 = 1 << 30;

/// Sums that are nearer to 0 are for [`Simd::requantize_wide`].
const WIDE: i64 = 1 << 31;

/// What one column has.
#[derive(Clone, Copy)]
struct Column {
    bias: i64,
    /// The sum of the weights.
    total: i32,
    /// The largest that a sum can be.
    most: i64,
    multiplier: Multiplier,
}

impl Column {
    const NONE: Self = Self { bias: 0, total: 0, most: 0, multiplier: Multiplier { q: 0, shift: 0 } };

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
        let weights = weights.map(|w| P::weight(w, rule.weights_zero).into());
        let (total, most) = weights.fold((0i32, bias.saturating_abs()), |(total, most), w: i32| {
            (total.wrapping_add(w), most.saturating_add(P::FARTHEST * i64::from(w.abs())))
        });
        Self { bias, total, most, multiplier: rule.multiplier(node, f) }
    }

    /// The numbers for [`Simd::requantize_wide`]; `None` where it would have other results than the rule.
    fn wide(&self) -> Option<[i32; NUMBERS]> {
        let (q, right) = self.multiplier.reduced();
        let fits = self.most < WIDE && (1..=32).contains(&right);
        fits.then(|| [q, right as i32, (1u32 << (right - 1)) as i32, 0])
    }

    /// Whether [`Simd::requantize`] does.
    fn is_plain(&self) -> bool {
        self.most < PLAIN && (-31..0).contains(&self.multiplier.shift)
    }

    /// The numbers for the rule, or for [`Simd::requantize`].
    fn narrow(&self, plain: bool) -> [i32; NUMBERS] {
        let Multiplier { q, shift } = self.multiplier;
        let right = (-shift).max(0);
        [q, right, if plain { 1 << (right - 1).max(0) } else { shift.max(0) }, 0]
    }
}

impl Lists {
    /// Makes the lists for `columns` columns, repeated up to `padded`; `None` where sums of the rule are larger than
    /// vectors have them. `column` gives a column's
    /// weights: with their sum the zero point of the activations moves into the bias, together with what
    /// staged activations have on top: `sum((x - z) * w) = sum((x + o) * w) - (z + o) * sum(w)`.
    pub(super) fn prepare<P: Integers, I: Iterator<Item = u8>>(
        node: &mut Prepare<'_>,
        rule: &Requantize,
        (columns, padded): (usize, usize),
        layout: Layout,
        column: impl Fn(usize) -> I,
    ) -> Result<Option<Self>, Refusal> {
        let list = node.list_of_vectors::<i32>(padded * FIELDS)?;
        let (lanes, panel) = (layout.lanes.max(1), layout.panel().max(1));
        let modes = node.list::<u32>(padded.div_ceil(panel))?;
        let padded = if columns == 0 { 0 } else { padded };
        for (number, first) in (0..padded).step_by(panel).enumerate() {
            let mut all = [Column::NONE; MOST_PANEL];
            let all = all.get_mut(..panel.min(padded - first)).unwrap_or_default();
            for (at, to) in (first..).zip(all.iter_mut()) {
                *to = Column::of::<P>(node, rule, at % columns, column(at % columns));
            }
            let plain = all.iter().all(Column::is_plain);
            let mut near = [Near::default(); MOST_PANEL];
            let mode = match plain && !P::WIDE {
                true if layout.is_near => find_near(node.level(), rule, all, &mut near),
                true => Mode::Plain,
                false => Mode::Rule,
            };
            for ((at, column), near) in (first..).zip(all.iter()).zip(near) {
                let values = match mode {
                    _ if P::WIDE => column.wide(),
                    Mode::Rule | Mode::Plain => Some(column.narrow(plain)),
                    Mode::Near | Mode::NearButOne => Some(near.numbers()),
                };
                let Some([a, b, c, d]) = values else { return Ok(None) };
                let bias = (column.bias as i32).wrapping_sub(match P::WIDE {
                    true => 0,
                    false => column.total.wrapping_mul(rule.input_zero + layout.offset),
                });
                let start = at / lanes * lanes * FIELDS + at % lanes;
                let list = node.list_mut::<i32>(list).get_mut(start..).unwrap_or_default();
                list.iter_mut().step_by(lanes).zip([bias, a, b, c, d]).for_each(|(to, value)| *to = value);
            }
            if let Some(to) = node.list_mut::<u32>(modes).get_mut(number) {
                *to = mode as u32;
            }
        }
        Ok(Some(Self { list, modes }))
    }

    pub(super) fn load<'s, P: Integers>(&self, node: &Invoke<'s>, rule: &Requantize) -> Columns<'s, P> {
        let (list, modes) = (node.list(self.list), node.list(self.modes));
        Columns { list, modes, rule: *rule, product: PhantomData }
    }
}

/// The most columns of a panel.
const MOST_PANEL: usize = 32;

/// Finds how the sums of these columns, which [`Simd::requantize`] does for, become outputs.
fn find_near(level: Level, rule: &Requantize, columns: &[Column], near: &mut [Near]) -> Mode {
    let limits = (rule.min - rule.output_zero, rule.max - rule.output_zero);
    let mut mode = Mode::Near;
    for (column, near) in columns.iter().zip(near) {
        match Near::find(level, column.multiplier, column.most, limits) {
            Some(found) => *near = found,
            None => return Mode::Plain,
        }
        if near.has_odd() {
            mode = Mode::NearButOne;
        }
    }
    mode
}

/// Turns vectors of sums into outputs.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Columns<'s, P> {
    list: &'s [i32],
    modes: &'s [u32],
    rule: Requantize,
    product: PhantomData<P>,
}

/// The part of [`Columns`] that one vector of columns has.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Scale<S: Simd> {
    mode: Mode,
    numbers: [S::I32; NUMBERS],
}

impl<P: Integers> Columns<'_, P> {
    /// The mode of a panel.
    #[inline(always)]
    fn mode(&self, panel: usize) -> Mode {
        self.modes.get(panel).and_then(|&mode| Mode::ALL.get(mode as usize)).copied().unwrap_or(Mode::Rule)
    }

    /// `N` fields of the vector that starts at `column`, from field `first` on.
    #[inline(always)]
    fn fields<S: Simd, const N: usize>(&self, simd: S, column: usize, first: usize) -> [S::I32; N] {
        let mut vectors = [simd.splat_i32(0); N];
        let start = column * FIELDS + first * S::LANES;
        // One check for all of them.
        let Some(all) = self.list.get(start..start + N * S::LANES) else { return vectors };
        for (n, to) in vectors.iter_mut().enumerate() {
            *to = simd.load_i32(all.get(n * S::LANES..(n + 1) * S::LANES).unwrap_or_default());
        }
        vectors
    }

    /// The sums of a row times their multipliers, rounded. `MODE` is that of the panel.
    #[inline(always)]
    fn scaled<S: Simd, const N: usize, const MODE: usize>(
        &self,
        simd: S,
        scales: &[Scale<S>; N],
        sums: [P::Sums<S>; N],
    ) -> [S::I32; N] {
        let mut scaled = [simd.splat_i32(0); N];
        let plain = scales.first().is_some_and(|scale| scale.mode == Mode::Plain);
        for ((to, sum), scale) in scaled.iter_mut().zip(sums).zip(scales) {
            let (sum, [a, b, c, d]) = (P::sums::<S>(sum), scale.numbers);
            *to = if MODE != Mode::Rule as usize {
                let near = simd.requantize_near(sum, simd.f32_of_bits(a), simd.f32_of_bits(b));
                if MODE == Mode::Near as usize { near } else { simd.replace(near, (sum, c), d) }
            } else if P::WIDE {
                simd.requantize_wide(sum, a, b, c)
            } else if plain {
                simd.requantize(sum, a, b, c)
            } else {
                simd.rounding_shift_right(simd.doubling_high_mul(simd.shift_left(sum, c), a), b)
            };
        }
        scaled
    }

    /// As [`Arithmetic::finish`], for a panel's mode.
    #[inline(always)]
    fn finish_row<S: Simd, const N: usize, const MODE: usize>(
        &self,
        simd: S,
        scales: &[Scale<S>; N],
        sums: [P::Sums<S>; N],
        out: &mut [P::Value],
    ) {
        let Requantize { output_zero, min, max, .. } = self.rule;
        let scaled = self.scaled::<S, N, MODE>(simd, scales, sums);
        P::store(simd, scaled, output_zero, (min, max), out);
    }

    /// As [`Arithmetic::finish_rows`], for a panel's mode.
    #[inline(always)]
    fn finish_tile<S: Simd, const M: usize, const N: usize, const MODE: usize>(
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
            let scaled =
                [self.scaled::<S, N, MODE>(simd, scales, a), self.scaled::<S, N, MODE>(simd, scales, b)];
            P::store_pair(simd, scaled, output_zero, (min, max), rows);
        }
        if let (Some(&sums), Some(row)) = (last.first(), rest.get_mut(column..count)) {
            self.finish_row::<S, N, MODE>(simd, scales, sums, row);
        }
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
        let mode = self.mode(column / (2 * S::LANES));
        Scale { mode, numbers: self.fields(simd, column, 1) }
    }

    #[inline(always)]
    fn start<S: Simd>(&self, simd: S, column: usize) -> P::Sums<S> {
        let [bias] = self.fields(simd, column, 0);
        P::bias(bias)
    }

    #[inline(always)]
    fn finish_rows<S: Simd, const M: usize, const N: usize>(
        &self,
        simd: S,
        scales: &[Scale<S>; N],
        sums: [[P::Sums<S>; N]; M],
        at: (usize, usize),
        out: &mut [P::Value],
    ) {
        const NEAR: usize = Mode::Near as usize;
        const BUT_ONE: usize = Mode::NearButOne as usize;
        match scales.first().map_or(Mode::Rule, |scale| scale.mode) {
            Mode::Near if is_near::<P, S>() => self.finish_tile::<S, M, N, NEAR>(simd, scales, sums, at, out),
            Mode::NearButOne if is_near::<P, S>() => {
                self.finish_tile::<S, M, N, BUT_ONE>(simd, scales, sums, at, out);
            }
            _ => self.finish_tile::<S, M, N, { Mode::Rule as usize }>(simd, scales, sums, at, out),
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
        const NEAR: usize = Mode::Near as usize;
        const BUT_ONE: usize = Mode::NearButOne as usize;
        match scales.first().map_or(Mode::Rule, |scale| scale.mode) {
            Mode::Near if is_near::<P, S>() => self.finish_row::<S, N, NEAR>(simd, scales, sums, out),
            Mode::NearButOne if is_near::<P, S>() => {
                self.finish_row::<S, N, BUT_ONE>(simd, scales, sums, out)
            }
            _ => self.finish_row::<S, N, { Mode::Rule as usize }>(simd, scales, sums, out),
        }
    }
}

/// Whether panels may have other modes than the rule's.
const fn is_near<P: Integers, S: Simd>() -> bool {
    S::NEAR && !P::WIDE
}
