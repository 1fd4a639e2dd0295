//! FULLY_CONNECTED: packed weights and the matrix core where weights may be packed, directly
//! otherwise.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_schema::op::{FullyConnected, NodeExt as _};
use sedge_simd::{Kernel, Simd};

use super::filter::hybrid::{Hybrid, Mode, Parts};
use super::filter::{Arithmetic, FloatRange, Inputs, Product, Requantize, Way, run};
use super::gemm::integer::Order;
use super::gemm::{
    Arithmetic as Matrices, Fit, Int8, Int16, Integers, Matrix, UInt8, Value, float, hybrid, integer,
};
use crate::element::Element;
use crate::node::{Invoke, Prepare};
use crate::session::Weights;

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
            let hybrid = Hybrid::prepare(node, (0, units), op.activation, mode)?;
            let parts = Parts { image: 0, count: rows };
            let packs = packs && hybrid.packs(node);
            match if packs { hybrid::pack(node, hybrid, units, (1, depth))? } else { None } {
                Some(packed) => {
                    Hybrid::scratch(node, parts, packed.scratch(node))?;
                    Way::packed(node, arithmetic, packed)?
                }
                None => {
                    Hybrid::scratch(node, parts, 0)?;
                    Way::direct(node, arithmetic, hybrid)?
                }
            }
        }
        Arithmetic::Float => {
            let range = FloatRange::of(op.activation)?;
            match if packs { float::pack(node, range, units, (1, depth))? } else { None } {
                Some(packed) => Way::packed(node, arithmetic, packed)?,
                None => {
                    let computed = float::Computed::of(node, rows, (units, depth));
                    node.scratch(computed.scratch().saturating_mul(size_of::<f32>()))?;
                    Way::direct(node, arithmetic, InTurn { range, computed })?
                }
            }
        }
        _ => {
            let rule = Requantize::prepare(node, (0, 0), units, op.activation, Product::Single)?;
            let packs = packs && rule.widened.is_empty();
            let packed = match arithmetic {
                Arithmetic::Int8 if packs => integer::<Int8>(node, rule, (units, depth))?,
                Arithmetic::Int16 if packs => integer::<Int16>(node, rule, (units, depth))?,
                Arithmetic::UInt8 if packs => integer::<UInt8>(node, rule, (units, depth))?,
                _ => None,
            };
            match packed {
                Some(packed) => Way::packed(node, arithmetic, packed)?,
                None => run::prepare(node, arithmetic, rule, &run::Shape::Rows(depth), units)?,
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
        (Arithmetic::Int16, true) => run_integer::<Int16>(node, &way),
        (Arithmetic::UInt8, true) => run_integer::<UInt8>(node, &way),
        (Arithmetic::Hybrid, true) => {
            let packed = *node.load::<hybrid::Packed>(way.data)?;
            let parts = Parts { image: 0, count: rows as usize };
            packed.hybrid().run(node, parts, |node, quantized, x, scratch, out| {
                let matrix = packed.load(node, quantized);
                node.level().run(Fit(matrix.half, Staged { matrix, x, scratch, out }));
                Ok(())
            })
        }
        (_, true) => run_integer::<Int8>(node, &way),
        (Arithmetic::Hybrid, false) => {
            let shape = run::Shape::Rows(depth);
            node.load::<Hybrid>(way.data)?.direct(node, shape, Inputs::USUAL, rows as usize)
        }
        (Arithmetic::Float, false)
            if Weights::CAN_PACK && node.load::<InTurn>(way.data)?.computed.packs() =>
        {
            in_turn(node, *node.load(way.data)?)
        }
        (arithmetic, false) => {
            run::direct(node, arithmetic, run::Shape::Rows(depth), Inputs::USUAL, way.data)
        }
    }
}

/// float32 with weights that are not packed when the session is made. The range is first: the direct way reads it there.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct InTurn {
    range: FloatRange,
    computed: float::Computed,
}

/// Packs the weights now.
fn in_turn(node: &mut Invoke<'_>, InTurn { range, computed }: InTurn) -> Result<(), Refusal> {
    let (out, scratch) = (node.output::<f32>(0)?, node.scratch::<f32>()?);
    let (level, bias) = (node.level(), node.optional_input::<f32>(2)?.unwrap_or_default());
    let (x, weights) = (node.input::<f32>(0)?, node.input::<f32>(1)?);
    computed.multiply(level, x, (weights, Order::Columns), (bias, range), scratch, out);
    Ok(())
}

/// As [`invoke`], where [`is_small`].
pub(super) fn invoke_int8(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let Data { way, depth, .. } = *node.data()?;
    run::small(node, run::Shape::Rows(depth as usize), way.data)
}

/// Whether an int8 operator with weights in place is one that [`run::small`] can have.
pub(super) fn is_small(prepared: &crate::arena::Prepared<'_>, data: crate::arena::Span) -> bool {
    prepared.get::<Data>(data).first().is_some_and(|data| run::is_small(prepared, &data.way))
}

/// Packs the weights of products `P`, and asks for scratch memory.
fn integer<P: Integers>(
    node: &mut Prepare<'_>,
    rule: Requantize,
    (units, depth): (usize, usize),
) -> Result<Option<integer::Packed>, Refusal> {
    let packed = integer::pack::<P>(node, rule, (units, Order::Columns), (1, depth))?;
    if let Some(packed) = &packed {
        node.scratch(packed.scratch::<P>(node))?;
    }
    Ok(packed)
}

/// Runs the operator on what [`integer`] packed.
fn run_integer<P: Integers<Value: Element>>(node: &mut Invoke<'_>, way: &Way) -> Result<(), Refusal> {
    let (out, scratch) = (node.output(0)?, node.scratch()?);
    let matrix = node.load::<integer::Packed>(way.data)?.load::<P>(node);
    node.level().run(Fit(matrix.half, Staged { matrix, x: node.input(0)?, scratch, out }));
    Ok(())
}

/// With activations that are staged.
struct Staged<'k, A: Matrices> {
    matrix: Matrix<'k, A>,
    x: &'k [Value<A>],
    scratch: &'k mut [u8],
    out: &'k mut [A::Output],
}

impl<A: Matrices> Kernel for Staged<'_, A> {
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
