//! float32 products.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_simd::Simd;

use super::product::Float;
use super::tile::{Arithmetic, Matrix};
use super::{Floats, Layout, pack as pack_panels};
use crate::arena::Span;
use crate::kernels::filter::FloatRange;
use crate::node::{Invoke, Prepare};

/// Packed weights, and what turns their sums into outputs.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Packed {
    weights: Span,
    bias: Span,
    columns: u32,
    run: u32,
    /// Whether it is laid out for the level's half.
    half: u32,
    range: FloatRange,
}

/// Packs constant weights `[columns, runs * run]`; `None` where they or the bias are computed.
pub(in crate::kernels) fn pack(
    node: &mut Prepare<'_>,
    range: FloatRange,
    columns: usize,
    (runs, run): (usize, usize),
) -> Result<Option<Packed>, Refusal> {
    let (Some(weights), Some(biases)) = (Floats::of(node, 1), Floats::bias(node)) else { return Ok(None) };
    let Layout { lanes, half, .. } = Layout::for_columns::<Float>(node, columns);
    let padded = columns.next_multiple_of(lanes);
    let packed = node.list::<f32>(padded * runs * run)?;
    let weight = |f: usize, k: usize| Some(weights.get(f * runs * run + k));
    pack_panels(columns, (runs, run), (lanes, 1), weight, node.list_mut(packed));
    let bias = node.list::<f32>(padded)?;
    node.list_mut::<f32>(bias).iter_mut().enumerate().for_each(|(f, to)| *to = biases.get(f));
    let (columns, run, half) = (columns as u32, run as u32, half.into());
    Ok(Some(Packed { weights: packed, bias, columns, run, half, range }))
}

impl Packed {
    pub(in crate::kernels) fn load<'s>(&self, node: &Invoke<'s>) -> Matrix<'s, Columns<'s>> {
        Matrix {
            weights: node.list(self.weights),
            count: self.columns as usize,
            run: self.run as usize,
            half: self.half != 0,
            arithmetic: Columns { bias: node.list(self.bias), range: self.range },
        }
    }
}

/// Turns vectors of sums into outputs.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Columns<'s> {
    bias: &'s [f32],
    range: FloatRange,
}

impl Arithmetic for Columns<'_> {
    type Product = Float;
    type Output = f32;
    type Scale<S: Simd> = S::F32;

    #[inline(always)]
    fn outside(&self) -> f32 {
        0.0
    }

    #[inline(always)]
    fn scale<S: Simd>(&self, simd: S, column: usize) -> S::F32 {
        simd.load_f32(self.bias.get(column..).unwrap_or_default())
    }

    #[inline(always)]
    fn finish<S: Simd, const N: usize>(
        &self,
        simd: S,
        biases: &[S::F32; N],
        sums: [S::F32; N],
        out: &mut [f32],
    ) {
        let (low, high) = (simd.splat_f32(self.range.low), simd.splat_f32(self.range.high));
        for ((sum, &bias), out) in sums.into_iter().zip(biases).zip(out.chunks_mut(S::LANES)) {
            let y = simd.max_f32(simd.mul_add_f32(sum, simd.splat_f32(1.0), bias), low);
            simd.store_f32(simd.min_f32(y, high), out);
        }
    }
}
