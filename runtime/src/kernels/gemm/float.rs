//! float32 products.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_schema::op::Node as _;
use sedge_simd::Simd;

use super::{ROWS, panel};
use crate::arena::Span;
use crate::kernels::filter::{BIAS, FloatRange};
use crate::node::{Invoke, Prepare};

/// Packed weights, and what turns their sums into outputs.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Packed {
    weights: Span,
    bias: Span,
    columns: u32,
    depth: u32,
    range: FloatRange,
}

/// Packs constant weights `[columns, depth]`; `None` where they or the bias are computed.
pub(in crate::kernels) fn pack(
    node: &mut Prepare<'_>,
    range: FloatRange,
    columns: usize,
    depth: usize,
) -> Result<Option<Packed>, Refusal> {
    let Some(weights) = node.constant(1) else { return Ok(None) };
    if node.has(BIAS) && node.constant(2).is_none() {
        return Ok(None);
    }
    let panel = panel(node);
    let padded = columns.next_multiple_of(panel);
    let packed = node.list::<f32>(padded * depth)?;
    let out = node.list_mut::<f32>(packed);
    if depth != 0 {
        for (f, row) in weights.as_chunks::<4>().0.chunks_exact(depth).enumerate().take(columns) {
            let start = (f / panel) * panel * depth + f % panel;
            for (to, &w) in out.iter_mut().skip(start).step_by(panel).zip(row) {
                *to = f32::from_le_bytes(w);
            }
        }
    }
    let bias = node.list::<f32>(padded)?;
    let constant = node.constant(2).unwrap_or_default();
    let floats = constant.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
    node.list_mut::<f32>(bias).iter_mut().zip(floats).for_each(|(to, b)| *to = b);
    Ok(Some(Packed { weights: packed, bias, columns: columns as u32, depth: depth as u32, range }))
}

impl Packed {
    /// Bytes of scratch memory for the rows of a tile, where they are gathered.
    pub(in crate::kernels) fn scratch(&self) -> usize {
        ROWS * self.depth as usize * size_of::<f32>()
    }

    pub(in crate::kernels) fn load<'s>(&self, node: &Invoke<'s>) -> Matrix<'s> {
        Matrix {
            weights: node.list(self.weights),
            bias: node.list(self.bias),
            count: self.columns as usize,
            depth: self.depth as usize,
            range: self.range,
        }
    }
}

/// Packed weights with what turns sums into outputs.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Matrix<'s> {
    weights: &'s [f32],
    bias: &'s [f32],
    count: usize,
    depth: usize,
    range: FloatRange,
}

impl Matrix<'_> {
    /// Multiplies rows that `row` gathers into scratch memory.
    #[inline(always)]
    pub(in crate::kernels) fn multiply_gathered<S: Simd>(
        &self,
        simd: S,
        scratch: &mut [f32],
        out: &mut [f32],
        mut row: impl FnMut(usize, &mut [f32]),
    ) {
        if self.count == 0 {
            return;
        }
        for (tile, out) in out.chunks_mut(ROWS * self.count).enumerate() {
            let rows = out.len() / self.count;
            for (r, to) in scratch.chunks_exact_mut(self.depth.max(1)).take(rows).enumerate() {
                row(tile * ROWS + r, to);
            }
            self.multiply(simd, scratch, out);
        }
    }

    /// Multiplies rows that lie one after the other.
    #[inline(always)]
    pub(in crate::kernels) fn multiply<S: Simd>(&self, simd: S, rows: &[f32], out: &mut [f32]) {
        if self.count == 0 {
            return;
        }
        let depth = self.depth.max(1);
        for (rows, out) in rows.chunks(ROWS * depth).zip(out.chunks_mut(ROWS * self.count)) {
            let count = out.len() / self.count;
            let mut rows_of = rows.chunks_exact(depth);
            if count == ROWS {
                self.tile(
                    simd,
                    core::array::from_fn::<_, ROWS, _>(|_| rows_of.next().unwrap_or_default()),
                    out,
                );
            } else {
                for (a, out) in rows_of.zip(out.chunks_exact_mut(self.count)) {
                    self.tile(simd, [a], out);
                }
            }
        }
    }

    /// `M` rows times all columns.
    #[inline(always)]
    fn tile<S: Simd, const M: usize>(&self, simd: S, a: [&[f32]; M], out: &mut [f32]) {
        let panel = 2 * S::LANES;
        let panels = self.count.div_ceil(panel);
        for p in 0..panels {
            let column = p * panel;
            let start = column * self.depth;
            let weights = self.weights.get(start..start + panel * self.depth).unwrap_or_default();
            let sums = sums(simd, a, weights);
            for (sums, out) in sums.iter().zip(out.chunks_exact_mut(self.count)) {
                let Some(out) = out.get_mut(column..) else { continue };
                let (low, high) = out.split_at_mut(out.len().min(S::LANES));
                self.finish(simd, column, sums[0], low);
                if !high.is_empty() {
                    self.finish(simd, column + S::LANES, sums[1], high);
                }
            }
        }
    }

    #[inline(always)]
    fn finish<S: Simd>(&self, simd: S, column: usize, sum: S::F32, to: &mut [f32]) {
        let bias = simd.load_f32(self.bias.get(column..).unwrap_or_default());
        let y = simd.mul_add_f32(sum, simd.splat_f32(1.0), bias);
        let y = simd.max_f32(y, simd.splat_f32(self.range.low));
        simd.store_f32(simd.min_f32(y, simd.splat_f32(self.range.high)), to);
    }
}

/// The sums of `M` rows for one panel.
#[inline(always)]
fn sums<S: Simd, const M: usize>(simd: S, a: [&[f32]; M], weights: &[f32]) -> [[S::F32; 2]; M] {
    let mut sums = [[simd.splat_f32(0.0); 2]; M];
    let steps = weights.len() / (2 * S::LANES);
    // Rows as long as the panel is deep, so that the loop needs no checks.
    let a = a.map(|row| row.get(..steps).unwrap_or_default());
    if a.iter().any(|row| row.len() != steps) {
        return sums;
    }
    for (k, weights) in weights.chunks_exact(2 * S::LANES).enumerate() {
        let (low, high) = weights.split_at(S::LANES);
        let (low, high) = (simd.load_f32(low), simd.load_f32(high));
        for (sums, row) in sums.iter_mut().zip(a) {
            let x = simd.splat_f32(row[k]);
            sums[0] = simd.mul_add_f32(x, low, sums[0]);
            sums[1] = simd.mul_add_f32(x, high, sums[1]);
        }
    }
    sums
}
