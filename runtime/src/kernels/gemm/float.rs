//! float32 products.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_simd::{Kernel, Level, Simd};

use super::integer::Order;
use super::product::Float;
use super::tile::{Arithmetic, Matrix};
use super::{Fit, Floats, Layout, copy, pack as pack_panels};
use crate::arena::{LINE, Span, in_lines};
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
    let packed = node.list_of_vectors::<f32>(padded * runs * run)?;
    let weight = |f: usize, k: usize| Some(weights.get(f * runs * run + k));
    pack_panels(columns, (runs, run), (lanes, 1), weight, node.list_mut(packed));
    let bias = node.list_of_vectors::<f32>(padded)?;
    node.list_mut::<f32>(bias).iter_mut().enumerate().for_each(|(f, to)| *to = biases.get(f));
    node.has_packed();
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

/// Weights that are computed, or that lie as no matrix takes them: packed each time.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Computed {
    columns: u32,
    depth: u32,
    /// Columns with those that fill up the last vector; 0 where nothing is packed.
    padded: u32,
    /// Whether it is laid out for the level's half.
    half: u32,
}

impl Computed {
    /// For `rows` rows of activations; few are not worth packing weights.
    pub(in crate::kernels) fn of(node: &Prepare<'_>, rows: usize, (columns, depth): (usize, usize)) -> Self {
        const FEW: usize = 4;
        if !node.packs_weights() || rows < FEW {
            return Self::default();
        }
        let Layout { lanes, half, .. } = Layout::for_columns::<Float>(node, columns);
        let padded = columns.next_multiple_of(lanes) as u32;
        Self { columns: columns as u32, depth: depth as u32, padded, half: half.into() }
    }

    /// Whether weights are packed.
    pub(in crate::kernels) fn packs(&self) -> bool {
        self.scratch() != 0
    }

    /// Floats of scratch memory; 0 where nothing is packed.
    pub(in crate::kernels) fn scratch(&self) -> usize {
        match self.packed() {
            0 => 0,
            n => n.saturating_add(LINE / size_of::<f32>()),
        }
    }

    /// Floats of the packed weights.
    fn packed(&self) -> usize {
        (self.padded as usize).saturating_mul(self.depth as usize)
    }

    /// `x * weights`, with a bias, clamped; `x` row by row.
    pub(in crate::kernels) fn multiply(
        &self,
        level: Level,
        x: &[f32],
        (weights, order): (&[f32], Order),
        (bias, range): (&[f32], FloatRange),
        scratch: &mut [f32],
        out: &mut [f32],
    ) {
        let arithmetic = Columns { bias, range };
        level.run(Fit(self.half != 0, Multiply { shape: self, x, weights, order, arithmetic, scratch, out }));
    }

    /// Packs weights into panels of two vectors of `lanes` columns, as [`pack_panels`] does.
    #[inline(always)]
    fn pack(&self, lanes: usize, weights: &[f32], order: Order, packed: &mut [f32]) {
        let (columns, depth) = (self.columns as usize, self.depth as usize);
        for (number, panel) in packed.chunks_mut((2 * lanes * depth).max(1)).enumerate() {
            let (first, width) = (number * 2 * lanes, panel.len() / depth.max(1));
            let count = columns.saturating_sub(first).min(width);
            if count < width {
                panel.fill(0.0);
            }
            if order == Order::Columns {
                let from = weights.get(first * depth..).unwrap_or_default();
                for (at, column) in from.chunks_exact(depth.max(1)).take(count).enumerate() {
                    for (to, &w) in panel.iter_mut().skip(at).step_by(width.max(1)).zip(column) {
                        *to = w;
                    }
                }
                continue;
            }
            for (to, row) in panel.chunks_exact_mut(width.max(1)).zip(weights.chunks_exact(columns.max(1))) {
                copy(row.get(first..first + count).unwrap_or_default(), to);
            }
        }
    }
}

struct Multiply<'k> {
    shape: &'k Computed,
    x: &'k [f32],
    weights: &'k [f32],
    order: Order,
    arithmetic: Columns<'k>,
    scratch: &'k mut [f32],
    out: &'k mut [f32],
}

impl Kernel for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { shape, x, weights, order, arithmetic, scratch, out } = self;
        let scratch = in_lines(bytemuck::cast_slice_mut(scratch));
        let Ok(scratch) = bytemuck::try_cast_slice_mut(scratch) else { return };
        let Some(packed) = scratch.get_mut(..shape.packed()) else { return };
        shape.pack(S::LANES, weights, order, packed);
        let (count, run) = (shape.columns as usize, shape.depth as usize);
        let matrix = Matrix { weights: packed, count, run, half: shape.half != 0, arithmetic };
        matrix.multiply_staged(simd, x, out);
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
