//! MAXIMUM and MINIMUM: what they have in common. Elements are compared as they are, so quantized
//! tensors must all have the same scale and zero point.

use bytemuck::{Pod, Zeroable};
use sedge_schema::{Refusal, TensorType};

use super::binary::{Broadcast, SECOND, common_type};
use super::{INPUT, OUTPUT, same_quantization};
use crate::element::Element;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    plan: Broadcast,
    /// The element type's code.
    kind: i32,
}

pub(crate) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = common_type(node)?;
    let taken = matches!(
        kind,
        TensorType::Float32
            | TensorType::Int8
            | TensorType::UInt8
            | TensorType::Int16
            | TensorType::Int32
            | TensorType::Int64
    );
    if !taken {
        return Err(Refusal::Type(INPUT));
    }
    for slot in [SECOND, OUTPUT] {
        if !same_quantization(node, INPUT, slot)? {
            return Err(Refusal::Quantization(slot));
        }
    }
    let plan = Broadcast::prepare(node)?;
    node.set_data(Data { plan, kind: kind.code().into() })
}

pub(crate) fn invoke<const LARGER: bool>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let &Data { plan, kind } = node.data::<Data>()?;
    match TensorType::from_code(kind as i8) {
        Some(TensorType::Int8) => plan.run(node, choose::<i8, LARGER>),
        Some(TensorType::UInt8) => plan.run(node, choose::<u8, LARGER>),
        Some(TensorType::Int16) => plan.run(node, choose::<i16, LARGER>),
        Some(TensorType::Int32) => invoke_int32::<LARGER>(node),
        Some(TensorType::Int64) => plan.run(node, choose::<i64, LARGER>),
        _ => plan.run(node, choose::<f32, LARGER>),
    }
}

/// As [`invoke`], where all is int32.
pub(crate) fn invoke_int32<const LARGER: bool>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let plan = node.data::<Data>()?.plan;
    plan.run(node, choose::<i32, LARGER>)
}

/// The first where neither is the one asked for, such as beside not-a-number.
#[inline(always)]
fn choose<T: Element + PartialOrd, const LARGER: bool>(a: T, b: T) -> T {
    let second = if LARGER { b > a } else { b < a };
    if second { b } else { a }
}
