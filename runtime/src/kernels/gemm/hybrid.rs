//! float32 activations with int8 weights: activations are quantized as they come, summed as int8, and the sums
//! scaled back.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_simd::Simd;

use super::integer;
use super::product::Int8;
use super::tile::{Arithmetic, Matrix};
use super::{Floats, Layout, depthwise};
use crate::arena::Span;
use crate::kernels::filter::FloatRange;
use crate::kernels::filter::hybrid::{Hybrid, Quantized};
use crate::node::{Invoke, Prepare};

/// What turns sums into outputs, for each column, filled up to whole vectors.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Lists {
    /// The sums of the columns' weights.
    totals: Span,
    scales: Span,
    bias: Span,
    offset: i32,
    range: FloatRange,
}

impl Lists {
    /// Makes the lists for `columns` columns, repeated up to `padded`; `total` adds up a column's weights.
    fn prepare(
        node: &mut Prepare<'_>,
        hybrid: &Hybrid,
        biases: Floats<'_>,
        (columns, padded): (usize, usize),
        offset: i32,
        total: impl Fn(usize) -> i32,
    ) -> Result<Self, Refusal> {
        let (totals, scales) = (node.list_of_vectors::<i32>(padded)?, node.list_of_vectors::<f32>(padded)?);
        let bias = node.list_of_vectors::<f32>(padded)?;
        let column = |at: usize| at % columns.max(1);
        node.list_mut::<i32>(totals).iter_mut().enumerate().for_each(|(at, to)| *to = total(column(at)));
        node.list_mut::<f32>(bias).iter_mut().enumerate().for_each(|(at, to)| *to = biases.get(column(at)));
        for at in 0..padded {
            let scale = hybrid.scale(node, column(at));
            if let Some(to) = node.list_mut::<f32>(scales).get_mut(at) {
                *to = scale;
            }
        }
        Ok(Self { totals, scales, bias, offset, range: hybrid.range })
    }

    fn load<'s>(&self, node: &Invoke<'s>, quantized: Quantized) -> Columns<'s> {
        Columns {
            totals: node.list(self.totals),
            scales: node.list(self.scales),
            bias: node.list(self.bias),
            offset: self.offset,
            quantized,
            range: self.range,
        }
    }
}

/// Turns vectors of sums into outputs.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Columns<'s> {
    totals: &'s [i32],
    scales: &'s [f32],
    bias: &'s [f32],
    offset: i32,
    quantized: Quantized,
    range: FloatRange,
}

impl Arithmetic for Columns<'_> {
    type Product = Int8;
    type Output = f32;
    /// What the zero point adds to the sums, the weights' scales, and the bias.
    type Scale<S: Simd> = (S::I32, S::F32, S::F32);

    #[inline(always)]
    fn outside(&self) -> i8 {
        self.quantized.zero as i8
    }

    #[inline(always)]
    fn scale<S: Simd>(&self, simd: S, column: usize) -> Self::Scale<S> {
        let totals = simd.load_i32(self.totals.get(column..).unwrap_or_default());
        let zero = simd.splat_i32(self.quantized.zero + self.offset);
        (
            simd.mul_i32(totals, zero),
            simd.load_f32(self.scales.get(column..).unwrap_or_default()),
            simd.load_f32(self.bias.get(column..).unwrap_or_default()),
        )
    }

    #[inline(always)]
    fn finish<S: Simd, const N: usize>(
        &self,
        simd: S,
        scales: &[Self::Scale<S>; N],
        sums: [S::I32; N],
        out: &mut [f32],
    ) {
        let (none, one) = (simd.splat_f32(0.0), simd.splat_f32(1.0));
        let (low, high) = (simd.splat_f32(self.range.low), simd.splat_f32(self.range.high));
        let scale = simd.splat_f32(self.quantized.scale);
        for ((sum, (zeros, scales, bias)), out) in sums.into_iter().zip(*scales).zip(out.chunks_mut(S::LANES))
        {
            // Each step rounded as the plain rule has it.
            let sum = simd.to_f32(simd.sub_i32(sum, zeros));
            let scaled = simd.mul_add_f32(simd.mul_add_f32(sum, scales, none), scale, none);
            let y = simd.mul_add_f32(scaled, one, bias);
            simd.store_f32(simd.min_f32(simd.max_f32(y, low), high), out);
        }
    }
}

/// Packed weights of a matrix.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Packed {
    weights: integer::Weights,
    lists: Lists,
    hybrid: Hybrid,
}

/// Packs constant weights `[columns, runs * run]`; `None` where they or the bias are computed.
pub(in crate::kernels) fn pack(
    node: &mut Prepare<'_>,
    hybrid: Hybrid,
    columns: usize,
    (runs, run): (usize, usize),
) -> Result<Option<Packed>, Refusal> {
    let (Some(bytes), Some(biases)) = (node.constant(1), Floats::bias(node)) else { return Ok(None) };
    let layout = Layout::for_columns::<Int8>(node, columns);
    let padded = columns.next_multiple_of(layout.lanes);
    let depth = runs * run;
    let at = |f: usize, k: usize| f * depth + k;
    let weights = integer::Weights::pack::<Int8>(node, bytes, 0, (columns, at), (runs, run))?;
    let total = |f: usize| bytes.iter().skip(f * depth).take(depth).map(|&w| i32::from(w as i8)).sum();
    let lists = Lists::prepare(node, &hybrid, biases, (columns, padded), layout.offset, total)?;
    Ok(Some(Packed { weights, lists, hybrid }))
}

impl Packed {
    /// Bytes of scratch memory for the rows of a block.
    pub(in crate::kernels) fn scratch(&self, node: &Prepare<'_>) -> usize {
        self.weights.scratch::<Int8>(node)
    }

    pub(in crate::kernels) fn hybrid(&self) -> &Hybrid {
        &self.hybrid
    }

    pub(in crate::kernels) fn load<'s>(
        &self,
        node: &Invoke<'s>,
        quantized: Quantized,
    ) -> Matrix<'s, Columns<'s>> {
        self.weights.load(node, self.lists.load(node, quantized))
    }
}

/// Packed weights of channels of their own.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Channels {
    weights: depthwise::Weights,
    lists: Lists,
    hybrid: Hybrid,
}

impl Channels {
    /// Packs constant weights `[rows, columns, channels]`; `None` where they or the bias are computed.
    pub(in crate::kernels) fn pack(
        node: &mut Prepare<'_>,
        hybrid: Hybrid,
        shape: &depthwise::Shape,
    ) -> Result<Option<Self>, Refusal> {
        let (Some(bytes), Some(biases)) = (node.constant(1), Floats::bias(node)) else { return Ok(None) };
        let layout = Layout::of::<Int8>(node);
        let weights = depthwise::Weights::pack::<Int8>(node, bytes, 0, shape)?;
        let channels = shape.channels();
        let total = |c: usize| bytes.iter().skip(c).step_by(channels).map(|&w| i32::from(w as i8)).sum();
        let columns = (channels, shape.padded(&layout));
        let lists = Lists::prepare(node, &hybrid, biases, columns, layout.offset, total)?;
        Ok(Some(Self { weights, lists, hybrid }))
    }

    pub(in crate::kernels) fn hybrid(&self) -> &Hybrid {
        &self.hybrid
    }

    pub(in crate::kernels) fn load<'s>(
        &self,
        node: &Invoke<'s>,
        quantized: Quantized,
    ) -> depthwise::Channels<'s, Columns<'s>> {
        self.weights.load(node, self.lists.load(node, quantized))
    }
}
