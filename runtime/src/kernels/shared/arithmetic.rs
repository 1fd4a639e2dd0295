//! ADD, SUB and MUL: what they have in common.
//!
//! float32: `activation(a op b)`; int32 and int64: the same, wrapping. Quantized (int8, uint8, int16):
//! `clamp(zero_out + a op b)` with the operator's own arithmetic on the values without zero points,
//! clamped to the activation's quantized interval. int8 goes by float32 where a session that packs weights finds
//! that all results are the same.

mod lanes;
mod nearest;
mod rule;

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Activation, Node as _};
use sedge_schema::{Refusal, TensorType};
use sedge_simd::small::Addends;
use sedge_simd::{Level, Simd};

use self::lanes::{Lanes, OnLanes};
use self::nearest::Guess;
use self::rule::Rule;
pub(crate) use self::rule::{Product, Sum};
use super::binary::{Broadcast, Operand, Rows, RowsInPlace, SECOND, common_type, no_scales};
use super::{INPUT, Integer, OUTPUT, clamp_float};
use crate::arena::{Prepared, Span};
use crate::fixed::quantized_range;
use crate::node::{Affine, Invoke, Prepare};

/// An arithmetic operator.
pub(crate) trait Arithmetic: Copy {
    /// Its arithmetic on quantized values, prepared.
    type Quantized: Quantized;

    fn float(a: f32, b: f32) -> f32;
    fn int32(a: i32, b: i32) -> i32;
    fn int64(a: i64, b: i64) -> i64;

    /// Whether it is a sum.
    const IS_SUM: bool = false;

    /// Whether it is a difference.
    const IS_DIFFERENCE: bool = false;

    /// [`Arithmetic::int32`] on vectors.
    fn lanes<S: Simd>(simd: S, a: S::I32, b: S::I32) -> S::I32;
}

/// Arithmetic on quantized values without their zero points.
pub(crate) trait Quantized: Pod {
    /// The same in float32.
    type Nearest: Guess;

    fn prepare(kind: TensorType, scales: [f32; 2], output: f32) -> Self;

    /// The operator `A` on two elements, made ready for many.
    fn elements<A: Arithmetic>(&self) -> impl Fn(i32, i32) -> i32;

    /// What the small functions for sums need, where they can have the operator `A` in int8.
    fn addends<A: Arithmetic>(&self, _range: Range) -> Option<Addends> {
        None
    }

    /// The operator `A` on two vectors each.
    fn lanes<A: Arithmetic, S: Simd>(&self, simd: S, a: [S::I32; 2], b: [S::I32; 2]) -> [S::I32; 2];
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    plan: Broadcast,
    /// The element type's code, or [`NEAREST`].
    kind: i32,
    /// The activation's interval.
    low: f32,
    high: f32,
    /// A [`Range`] and the operator's arithmetic, for quantized values.
    range: Span,
    quantized: Span,
}

/// In place of an element type: int8 by [`Quantized::Nearest`], which then stands for the operator's arithmetic.
const NEAREST: i32 = -1;

/// The operator `A` in float32.
type Nearest<A> = <<A as Arithmetic>::Quantized as Quantized>::Nearest;

/// Elements from which on it pays to look for it.
const MANY: usize = 64;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Range {
    zeros: [i32; 2],
    output_zero: i32,
    min: i32,
    max: i32,
}

pub(crate) fn prepare<A: Arithmetic>(node: &mut Prepare<'_>, activation: Activation) -> Result<(), Refusal> {
    let kind = common_type(node)?;
    let refused = Refusal::Parameter("fused_activation_function");
    let (low, high) = activation.range().ok_or(refused)?;
    let (mut range, mut quantized) = (Span::default(), Span::default());
    let mut code = kind.code().into();
    match kind {
        TensorType::Float32 => {}
        TensorType::Int32 | TensorType::Int64 => no_scales(node)?,
        TensorType::Int8 | TensorType::UInt8 | TensorType::Int16 => {
            let (a, b): (Affine, Affine) = (node.affine(INPUT)?, node.affine(SECOND)?);
            let output = node.affine(OUTPUT)?;
            let (least, most) = kind.integer_range().ok_or(Refusal::Type(INPUT))?;
            let (min, max) = quantized_range((low, high), output.scale, output.zero_point, least, most);
            let zeros = [a.zero_point, b.zero_point];
            range = node.list::<Range>(1)?;
            let values = Range { zeros, output_zero: output.zero_point, min, max };
            node.list_mut::<Range>(range).fill(values);
            let scales = [a.scale, b.scale];
            let rule = A::Quantized::prepare(kind, scales, output.scale);
            let has_lanes = kind == TensorType::Int8 && !matches!(node.level(), Level::Scalar(_));
            let seeks = has_lanes && node.packs_weights() && node.shape(OUTPUT)?.elements() >= MANY;
            let lanes = Lanes { range: values, arithmetic: Rule::<A>(rule) };
            let found = if seeks { nearest::find(node.level(), lanes, scales, output.scale) } else { None };
            match found {
                Some(found) => {
                    code = NEAREST;
                    quantized = node.list::<Nearest<A>>(1)?;
                    node.list_mut(quantized).fill(found);
                }
                None => {
                    quantized = node.list::<A::Quantized>(1)?;
                    node.list_mut(quantized).fill(rule);
                }
            }
        }
        _ => return Err(Refusal::Type(INPUT)),
    }
    let plan = Broadcast::prepare(node)?;
    node.set_data(Data { plan, kind: code, low, high, range, quantized })
}

pub(crate) fn invoke<A: Arithmetic>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let &Data { plan, kind, low, high, .. } = node.data::<Data>()?;
    if kind == NEAREST {
        return run_lanes(node, |nearest: Nearest<A>| nearest);
    }
    match TensorType::from_code(kind as i8) {
        // Arrays in place of vectors would be slower than one element at a time.
        Some(TensorType::Int8) if matches!(node.level(), Level::Scalar(_)) => invoke_int8::<A>(node),
        Some(TensorType::Int8) => run_lanes(node, Rule::<A>),
        Some(TensorType::UInt8) => run::<A, u8>(node),
        Some(TensorType::Int16) => run::<A, i16>(node),
        Some(TensorType::Int32) => invoke_int32::<A>(node),
        Some(TensorType::Int64) => {
            let (low, high) = (low as i64, high as i64);
            plan.run::<i64>(node, |a, b| A::int64(a, b).max(low).min(high))
        }
        _ => plan.run::<f32>(node, |a, b| clamp_float(A::float(a, b), low, high)),
    }
}

/// As [`invoke`], for int8 and no vectors.
pub(crate) fn invoke_int8<A: Arithmetic>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    match small::<A>(node)? {
        Some((plan, rows)) => plan.run_rows(node, rows),
        None => run::<A, i8>(node),
    }
}

/// As [`invoke`], for int8 and the small functions; an internal error where they cannot have it.
pub(crate) fn invoke_small<A: Arithmetic>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let (plan, rows) = small::<A>(node)?.ok_or(Refusal::Internal)?;
    plan.run_rows(node, rows)
}

/// The operator by the small functions, where they can have it.
fn small<A: Arithmetic>(node: &Invoke<'_>) -> Result<Option<(Broadcast, AddedUp)>, Refusal> {
    let data = node.data::<Data>()?;
    let lists = (node.list::<Range>(data.range), node.list::<A::Quantized>(data.quantized));
    Ok(addends::<A>(lists).map(|addends| (data.plan, AddedUp(addends))))
}

/// Whether an int8 operator is one that [`invoke_small`] can have.
pub(crate) fn is_small<A: Arithmetic>(prepared: &Prepared<'_>, data: Span) -> bool {
    let data = prepared.get::<Data>(data).first();
    let lists =
        data.map(|data| (prepared.get::<Range>(data.range), prepared.get::<A::Quantized>(data.quantized)));
    lists.and_then(addends::<A>).is_some()
}

/// What the small functions need, of what was prepared.
fn addends<A: Arithmetic>((range, quantized): (&[Range], &[A::Quantized])) -> Option<Addends> {
    quantized.first()?.addends::<A>(*range.first()?)
}

/// Sums by the small functions.
struct AddedUp(Addends);

impl Rows<i8> for AddedUp {
    #[inline(always)]
    fn apart<S: Simd>(&self, _simd: S, a: Operand<'_, i8>, b: Operand<'_, i8>, out: &mut [i8]) {
        let addends = &self.0;
        match (a, b) {
            (Operand::Run(a), Operand::Run(b)) => addends.sums(a, b, out),
            (Operand::Run(a), Operand::One(b)) => {
                out.iter_mut().zip(a).for_each(|(out, &a)| *out = addends.sum(a, b));
            }
            (Operand::One(a), Operand::Run(b)) => {
                out.iter_mut().zip(b).for_each(|(out, &b)| *out = addends.sum(a, b));
            }
            (Operand::One(a), Operand::One(b)) => out.fill(addends.sum(a, b)),
        }
    }
}

impl RowsInPlace<i8> for AddedUp {
    #[inline(always)]
    fn over<S: Simd>(&self, _simd: S, out: &mut [i8], other: &[i8], is_second: bool) {
        self.0.sums_over(out, other, is_second);
    }
}

/// As [`invoke`], for int32.
pub(crate) fn invoke_int32<A: Arithmetic>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let &Data { plan, low, high, .. } = node.data::<Data>()?;
    // Infinite ends become the type's own.
    let (low, high) = (low as i32, high as i32);
    plan.run::<i32>(node, |a, b| A::int32(a, b).max(low).min(high))
}

fn run<A: Arithmetic, T: Integer>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let &range = node.list::<Range>(data.range).first().ok_or(Refusal::Internal)?;
    let &quantized = node.list::<A::Quantized>(data.quantized).first().ok_or(Refusal::Internal)?;
    let apply = quantized.elements::<A>();
    data.plan.run::<T>(node, |a, b| {
        let ([a_zero, b_zero], a, b): (_, i32, i32) = (range.zeros, a.into(), b.into());
        let y = apply(a.wrapping_sub(a_zero), b.wrapping_sub(b_zero));
        T::narrow(y.wrapping_add(range.output_zero).max(range.min).min(range.max))
    })
}

/// As [`run`], for int8 and levels that have vectors: by what `arithmetic` makes of the prepared arithmetic.
fn run_lanes<Q: Pod, T: OnLanes>(node: &mut Invoke<'_>, arithmetic: impl Fn(Q) -> T) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let &range = node.list::<Range>(data.range).first().ok_or(Refusal::Internal)?;
    let &prepared = node.list::<Q>(data.quantized).first().ok_or(Refusal::Internal)?;
    data.plan.run_rows::<i8>(node, Lanes { range, arithmetic: arithmetic(prepared) })
}
