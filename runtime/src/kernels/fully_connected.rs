//! FULLY_CONNECTED: packed weights and the matrix core where weights may be packed, directly
//! otherwise.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_schema::op::{FullyConnected, NodeExt as _};
use sedge_simd::{Kernel, Simd};

use super::filter::hybrid::{Hybrid, Mode};
use super::filter::{Arithmetic, FloatRange, Inputs, Product, Requantize, Way, run};
use super::gemm::{Fit, Matrix, float, int8};
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    way: Way,
    rows: u32,
    depth: u32,
}

pub(super) fn prepare(op: FullyConnected, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let weights = node.input(1)?;
    let (units, depth) = (weights.dim(0), weights.dim(1));
    let rows = node.input(0)?.elements().checked_div(depth).unwrap_or(0);
    let arithmetic = Arithmetic::of(node)?;
    let packs = node.packs_weights();
    let way = match arithmetic {
        Arithmetic::Hybrid => {
            let mode = if op.asymmetric_quantize_inputs { Mode::Asymmetric } else { Mode::Symmetric };
            let hybrid = Hybrid::prepare(node, (0, units), op.activation, mode, (0, rows))?;
            Way::direct(node, arithmetic, hybrid)?
        }
        Arithmetic::Float => {
            let range = FloatRange::of(op.activation)?;
            match if packs { float::pack(node, range, units, (1, depth))? } else { None } {
                Some(packed) => Way::packed(node, arithmetic, packed)?,
                None => Way::direct(node, arithmetic, range)?,
            }
        }
        _ => {
            let rule = Requantize::prepare(node, (0, 0), units, op.activation, Product::Single)?;
            let packs = packs && arithmetic == Arithmetic::Int8 && rule.widened.is_empty();
            match if packs { int8::pack(node, rule, units, (1, depth))? } else { None } {
                Some(packed) => {
                    node.scratch(packed.scratch(node))?;
                    Way::packed(node, arithmetic, packed)?
                }
                None => Way::direct(node, arithmetic, rule)?,
            }
        }
    };
    node.set_data(Data { way, rows: rows as u32, depth: depth as u32 })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let Data { way, rows, depth } = *node.data()?;
    let depth = depth as usize;
    match way.of()? {
        (Arithmetic::Float, true) => {
            let out = node.output(0)?;
            let matrix = node.load::<float::Packed>(way.data)?.load(node);
            node.level().run(Fit(matrix.half, Float { matrix, x: node.input(0)?, out }));
            Ok(())
        }
        (_, true) => {
            let (out, scratch) = (node.output(0)?, node.scratch()?);
            let matrix = node.load::<int8::Packed>(way.data)?.load(node);
            node.level().run(Fit(matrix.half, Int8 { matrix, x: node.input(0)?, scratch, out }));
            Ok(())
        }
        (Arithmetic::Hybrid, false) => {
            node.load::<Hybrid>(way.data)?.run(node, run::Shape::Rows(depth), Inputs::USUAL, rows as usize)
        }
        (arithmetic, false) => {
            run::direct(node, arithmetic, run::Shape::Rows(depth), Inputs::USUAL, way.data)
        }
    }
}

struct Int8<'k> {
    matrix: Matrix<'k, int8::Columns<'k>>,
    x: &'k [i8],
    scratch: &'k mut [u8],
    out: &'k mut [i8],
}

impl Kernel for Int8<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.matrix.multiply(simd, self.x, self.scratch, self.out);
    }
}

struct Float<'k> {
    matrix: Matrix<'k, float::Columns<'k>>,
    x: &'k [f32],
    out: &'k mut [f32],
}

impl Kernel for Float<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        self.matrix.multiply_staged(simd, self.x, self.out);
    }
}
