//! FULLY_CONNECTED: packed weights and the matrix core where weights may be packed, directly
//! otherwise.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_schema::op::{FullyConnected, NodeExt as _};
use sedge_simd::{Kernel, Simd};

use super::filter::hybrid::{Hybrid, Mode};
use super::filter::{Arithmetic, FloatRange, Product, Requantize, run};
use super::gemm::{float, int8};
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    arithmetic: u32,
    /// Whether `int8` or `float` holds packed weights.
    packed: u32,
    depth: u32,
    rule: Requantize,
    range: FloatRange,
    hybrid: Hybrid,
    /// Rows of the input.
    rows: u32,
    int8: int8::Packed,
    float: float::Packed,
}

pub(super) fn prepare(op: FullyConnected, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let weights = node.input(1)?;
    let (units, depth) = (weights.dim(0), weights.dim(1));
    let arithmetic = Arithmetic::of(node)?;
    let mut data = Data { arithmetic: arithmetic.code(), depth: depth as u32, ..Data::zeroed() };
    if arithmetic == Arithmetic::Hybrid {
        let mode = if op.asymmetric_quantize_inputs { Mode::Asymmetric } else { Mode::Symmetric };
        let rows = node.input(0)?.elements().checked_div(depth).unwrap_or(0);
        data.rows = rows as u32;
        data.hybrid = Hybrid::prepare(node, (0, units), op.activation, mode, rows)?;
    } else if arithmetic == Arithmetic::Float {
        data.range = FloatRange::of(op.activation)?;
        if node.packs_weights() && let Some(packed) = float::pack(node, data.range, units, depth)? {
            (data.packed, data.float) = (1, packed);
        }
    } else {
        data.rule = Requantize::prepare(node, 0, units, op.activation, Product::Single)?;
        if node.packs_weights()
            && arithmetic == Arithmetic::Int8
            && data.rule.widened.is_empty()
            && let Some(packed) = int8::pack(node, data.rule, units, depth)?
        {
            (data.packed, data.int8) = (1, packed);
            node.scratch(packed.scratch())?;
        }
    }
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let depth = data.depth as usize;
    let arithmetic = Arithmetic::from_code(data.arithmetic)?;
    match (arithmetic, data.packed) {
        (Arithmetic::Float, 1) => {
            let out = node.output(0)?;
            node.level().run(Float { matrix: data.float.load(node), x: node.input(0)?, out });
            Ok(())
        }
        (Arithmetic::Float, _) => run::float(node, run::Shape::Rows(depth), data.range),
        (Arithmetic::Hybrid, _) => data.hybrid.run(node, run::Shape::Rows(depth), data.rows as usize),
        (_, 1) => {
            let (out, scratch) = (node.output(0)?, node.scratch()?);
            node.level().run(Int8 { depth, matrix: data.int8.load(node), x: node.input(0)?, scratch, out });
            Ok(())
        }
        _ => {
            let outputs = data.rule.outputs(node);
            run::quantized(node, arithmetic, run::Shape::Rows(depth), outputs)
        }
    }
}

struct Int8<'k> {
    depth: usize,
    matrix: int8::Matrix<'k>,
    x: &'k [i8],
    scratch: &'k mut [[i16; 2]],
    out: &'k mut [i8],
}

impl Kernel for Int8<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { depth, matrix, x, scratch, out } = self;
        // The last of an odd number of elements has a partner whose weights are 0.
        scratch.as_flattened_mut().fill(0);
        matrix.multiply(simd, scratch, out, |r, row| {
            let x = x.get(r * depth..(r + 1) * depth).unwrap_or_default();
            row.iter_mut().zip(x).for_each(|(to, &x)| *to = x.into());
        });
    }
}

struct Float<'k> {
    matrix: float::Matrix<'k>,
    x: &'k [f32],
    out: &'k mut [f32],
}

impl Kernel for Float<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.matrix.multiply(simd, self.x, self.out);
    }
}
