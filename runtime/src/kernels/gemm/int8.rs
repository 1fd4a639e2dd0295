//! int8 products: pairs of activations, widened to 16 bits, with pairs of packed weights.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_simd::Simd;

use super::{ROWS, panel};
use crate::arena::Span;
use crate::kernels::filter::{BIAS, Requantize};
use crate::node::{Invoke, Prepare};
use sedge_schema::op::Node as _;

/// Packed weights, and what turns their sums into outputs; all lists are filled up to whole panels.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Packed {
    weights: Span,
    lists: Lists,
    columns: u32,
    /// Pairs of elements in the depth, the last filled up with a zero.
    pairs: u32,
    rule: Requantize,
}

/// For each column: the bias, less the zero point's share, and the multiplier.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Lists {
    bias: Span,
    q: Span,
    shift: Span,
}

impl Lists {
    /// Makes the lists for `columns` columns, filled up to `padded`. `sum` gives the sum of a column's
    /// weights: with it the zero point of the activations moves into the bias,
    /// `sum((x - z) * w) = sum(x * w) - z * sum(w)`.
    pub(super) fn prepare(
        node: &mut Prepare<'_>,
        rule: &Requantize,
        (columns, padded): (usize, usize),
        sum: impl Fn(usize) -> i32,
    ) -> Result<Self, Refusal> {
        let bias_bytes = node.constant(2).unwrap_or_default();
        let lists = Self {
            bias: node.list::<i32>(padded)?,
            q: node.list::<i32>(padded)?,
            shift: node.list::<i32>(padded)?,
        };
        for f in 0..columns {
            let bias =
                bias_bytes.get(4 * f..).and_then(|b| b.first_chunk()).map_or(0, |b| i32::from_le_bytes(*b));
            let bias = bias.wrapping_sub(sum(f).wrapping_mul(rule.input_zero));
            let multiplier = rule.multiplier(node, f);
            for (list, value) in
                [(lists.bias, bias), (lists.q, multiplier.q), (lists.shift, multiplier.shift)]
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
            shift: node.list(self.shift),
            rule: *rule,
        }
    }
}

/// Turns vectors of sums into outputs.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Columns<'s> {
    bias: &'s [i32],
    q: &'s [i32],
    shift: &'s [i32],
    rule: Requantize,
}

impl Columns<'_> {
    /// Writes the outputs of the columns from `column` on, as many as `to` has room for.
    #[inline(always)]
    pub(super) fn finish<S: Simd>(&self, simd: S, column: usize, sum: S::I32, to: &mut [i8]) {
        let list = |list: &[i32]| simd.load_i32(list.get(column..).unwrap_or_default());
        let zero = simd.splat_i32(0);
        let shift = list(self.shift);
        let left = simd.max_i32(shift, zero);
        let right = simd.max_i32(simd.sub_i32(zero, shift), zero);
        let sum = simd.shift_left(simd.add_i32(sum, list(self.bias)), left);
        let scaled = simd.rounding_shift_right(simd.doubling_high_mul(sum, list(self.q)), right);
        let y = simd.add_i32(scaled, simd.splat_i32(self.rule.output_zero));
        let y = simd.min_i32(simd.max_i32(y, simd.splat_i32(self.rule.min)), simd.splat_i32(self.rule.max));
        simd.store_i8(y, to);
    }
}

/// Packs constant weights `[columns, depth]`; `None` where they or the bias are computed.
pub(in crate::kernels) fn pack(
    node: &mut Prepare<'_>,
    rule: Requantize,
    columns: usize,
    depth: usize,
) -> Result<Option<Packed>, Refusal> {
    let Some(weights) = node.constant(1) else { return Ok(None) };
    if node.has(BIAS) && node.constant(2).is_none() {
        return Ok(None);
    }
    let panel = panel(node);
    let padded = columns.next_multiple_of(panel);
    let pairs = depth.div_ceil(2);
    let packed = node.list::<i8>(padded * pairs * 2)?;
    let out = node.list_mut::<i8>(packed);
    if depth != 0 {
        for (f, row) in weights.chunks_exact(depth).enumerate().take(columns) {
            let start = (f / panel) * panel * pairs * 2 + (f % panel) * 2;
            for (k, pair) in row.chunks(2).enumerate() {
                let at = start + k * panel * 2;
                let to = out.get_mut(at..at + pair.len()).unwrap_or_default();
                to.iter_mut().zip(pair).for_each(|(to, &w)| *to = w as i8);
            }
        }
    }
    let sum = |f: usize| {
        let row = weights.get(f * depth..(f + 1) * depth).unwrap_or_default();
        row.iter().map(|&w| i32::from(w as i8)).sum()
    };
    let lists = Lists::prepare(node, &rule, (columns, padded), sum)?;
    Ok(Some(Packed { weights: packed, lists, columns: columns as u32, pairs: pairs as u32, rule }))
}

impl Packed {
    /// Bytes of scratch memory for the rows of a tile.
    pub(in crate::kernels) fn scratch(&self) -> usize {
        ROWS * self.pairs as usize * size_of::<[i16; 2]>()
    }

    pub(in crate::kernels) fn load<'s>(&self, node: &Invoke<'s>) -> Matrix<'s> {
        Matrix {
            weights: node.list(self.weights),
            columns: self.lists.load(node, &self.rule),
            count: self.columns as usize,
            pairs: self.pairs as usize,
        }
    }
}

/// Packed weights with what turns sums into outputs.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Matrix<'s> {
    weights: &'s [i8],
    columns: Columns<'s>,
    count: usize,
    pairs: usize,
}

impl Matrix<'_> {
    /// The zero point of the activations.
    pub(in crate::kernels) fn input_zero(&self) -> i32 {
        self.columns.rule.input_zero
    }

    /// Multiplies as many rows as `out` has room for. `row` fills the widened row of a number.
    #[inline(always)]
    pub(in crate::kernels) fn multiply<S: Simd>(
        &self,
        simd: S,
        scratch: &mut [[i16; 2]],
        out: &mut [i8],
        mut row: impl FnMut(usize, &mut [i16]),
    ) {
        if self.count == 0 {
            return;
        }
        // An empty depth has no rows to hold.
        let length = self.pairs.max(1);
        for (tile, out) in out.chunks_mut(ROWS * self.count).enumerate() {
            let rows = out.len() / self.count;
            for (r, to) in scratch.chunks_exact_mut(length).take(rows).enumerate() {
                row(tile * ROWS + r, to.as_flattened_mut());
            }
            let mut rows_of = scratch.chunks_exact(length);
            if rows == ROWS {
                let a: [&[[i16; 2]]; ROWS] = core::array::from_fn(|_| rows_of.next().unwrap_or_default());
                self.tile(simd, a, out);
            } else {
                for (a, out) in rows_of.zip(out.chunks_exact_mut(self.count)) {
                    self.tile(simd, [a], out);
                }
            }
        }
    }

    /// `M` rows times all columns.
    #[inline(always)]
    fn tile<S: Simd, const M: usize>(&self, simd: S, a: [&[[i16; 2]]; M], out: &mut [i8]) {
        let vector = 2 * S::LANES;
        let panel = 2 * vector * self.pairs;
        if panel == 0 {
            // Without depth every sum is 0.
            for out in out.chunks_exact_mut(self.count) {
                for (column, out) in out.chunks_mut(S::LANES).enumerate() {
                    self.columns.finish(simd, column * S::LANES, simd.splat_i32(0), out);
                }
            }
            return;
        }
        for (p, weights) in self.weights.chunks_exact(panel).enumerate() {
            let sums = sums(simd, a, weights);
            let column = p * vector;
            for (sums, out) in sums.iter().zip(out.chunks_exact_mut(self.count)) {
                let Some(out) = out.get_mut(column..) else { continue };
                let (low, high) = out.split_at_mut(out.len().min(S::LANES));
                self.columns.finish(simd, column, sums[0], low);
                if !high.is_empty() {
                    self.columns.finish(simd, column + S::LANES, sums[1], high);
                }
            }
        }
    }
}

/// The sums of `M` rows for one panel.
#[inline(always)]
fn sums<S: Simd, const M: usize>(simd: S, a: [&[[i16; 2]]; M], weights: &[i8]) -> [[S::I32; 2]; M] {
    let mut sums = [[simd.splat_i32(0); 2]; M];
    let vector = 2 * S::LANES;
    let steps = weights.len() / (2 * vector);
    // Rows as long as the panel is deep, so that the loop needs no checks.
    let a = a.map(|row| row.get(..steps).unwrap_or_default());
    if a.iter().any(|row| row.len() != steps) {
        return sums;
    }
    for (k, weights) in weights.chunks_exact(2 * vector).enumerate() {
        let (low, high) = weights.split_at(vector);
        let (low, high) = (simd.load_pairs(low), simd.load_pairs(high));
        for (sums, row) in sums.iter_mut().zip(a) {
            let pair = simd.splat_pair(row[k]);
            sums[0] = simd.dot_pairs(sums[0], pair, low);
            sums[1] = simd.dot_pairs(sums[1], pair, high);
        }
    }
    sums
}
