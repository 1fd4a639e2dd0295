//! Comparisons: EQUAL, LESS and their like, with broadcasting; the output is bool.
//!
//! Numbers are compared as they are. int8 and uint8 values with scales are brought to a common scale
//! first, as the reference does: `M(scale) * ((x - zero) << 8)`, rounded, so values that lie nearer to
//! each other than its steps are equal. int16 values must have one scale. Source: tflite's
//! `comparisons.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::{Refusal, TensorType};

use super::binary::{Broadcast, SECOND};
use super::{INPUT, Integer, OUTPUT, same_quantization};
use crate::fixed::Multiplier;
use crate::node::{Invoke, Prepare};

/// An operator that compares.
pub(crate) trait Comparison {
    fn holds<T: PartialOrd>(a: T, b: T) -> bool;
}

/// Bits that quantized values are shifted left by before they are scaled.
const SHIFT: u32 = 8;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    plan: Broadcast,
    /// The element type's code.
    kind: i32,
    /// Whether values are brought to a common scale.
    scaled: u32,
    zeros: [i32; 2],
    scales: [Multiplier; 2],
}

impl Data {
    #[inline]
    fn scale(&self, operand: usize, x: i32) -> i32 {
        let (zero, scale) = (self.zeros[operand], self.scales[operand]);
        scale.apply(x.wrapping_sub(zero).wrapping_shl(SHIFT))
    }
}

pub(crate) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    use TensorType::{Bool, Float32, Int8, Int16, Int32, Int64, UInt8};
    let kind = node.type_in(INPUT, &[Float32, Int8, UInt8, Int16, Int32, Int64, Bool])?;
    node.type_in(SECOND, &[kind])?;
    node.type_in(OUTPUT, &[Bool])?;
    let has_scale = |slot| node.quantization(slot).map(|q| q.is_some_and(|q| !q.scale().is_empty()));
    let (first, second) = (has_scale(INPUT)?, has_scale(SECOND)?);
    let mut data = Data { plan: Broadcast::apart(node)?, kind: kind.code().into(), ..Data::zeroed() };
    if matches!(kind, Int8 | UInt8) && (first || second) {
        data.scaled = 1;
        for (i, slot) in [INPUT, SECOND].into_iter().enumerate() {
            let affine = node.affine(slot)?;
            data.zeros[i] = affine.zero_point;
            data.scales[i] = Multiplier::from_real(affine.scale.into());
        }
    } else if !same_quantization(node, INPUT, SECOND)? {
        return Err(Refusal::Quantization(SECOND));
    }
    node.set_data(data)
}

pub(crate) fn invoke<C: Comparison>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let plan = data.plan;
    match (TensorType::from_code(data.kind as i8), data.scaled != 0) {
        (Some(TensorType::Int8), true) => scaled::<C, i8>(node, data),
        (Some(TensorType::UInt8), true) => scaled::<C, u8>(node, data),
        (Some(TensorType::Int8), false) => plan.run_to(node, |a: i8, b| u8::from(C::holds(a, b))),
        (Some(TensorType::UInt8 | TensorType::Bool), _) => {
            plan.run_to(node, |a: u8, b| u8::from(C::holds(a, b)))
        }
        (Some(TensorType::Int16), _) => plan.run_to(node, |a: i16, b| u8::from(C::holds(a, b))),
        (Some(TensorType::Int32), _) => plan.run_to(node, |a: i32, b| u8::from(C::holds(a, b))),
        (Some(TensorType::Int64), _) => plan.run_to(node, |a: i64, b| u8::from(C::holds(a, b))),
        _ => plan.run_to(node, |a: f32, b| u8::from(C::holds(a, b))),
    }
}

fn scaled<C: Comparison, T: Integer>(node: &mut Invoke<'_>, data: &Data) -> Result<(), Refusal> {
    data.plan.run_to(node, |a: T, b: T| u8::from(C::holds(data.scale(0, a.into()), data.scale(1, b.into()))))
}
