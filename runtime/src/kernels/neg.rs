//! NEG: `-x`, wrapping. Integers are negated as they are, so quantized ones must have no zero point.

use sedge_schema::op::Neg;
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, OUTPUT, map, same_type};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: Neg, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    use TensorType::{Float32, Int8, Int16, Int32, Int64};
    let kind = same_type(node)?;
    node.type_in(INPUT, &[Float32, Int8, Int16, Int32, Int64])?;
    for slot in [INPUT, OUTPUT] {
        if node.quantization(slot)?.is_some_and(|q| q.zero_point().iter().any(|zero| zero != 0)) {
            return Err(Refusal::Quantization(slot));
        }
    }
    node.overwrite(0, 0);
    node.set_data(i32::from(kind.code()))
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    match TensorType::from_code(*node.data::<i32>()? as i8) {
        Some(TensorType::Int8) => map(node, i8::wrapping_neg),
        Some(TensorType::Int16) => map(node, i16::wrapping_neg),
        Some(TensorType::Int32) => map(node, i32::wrapping_neg),
        Some(TensorType::Int64) => map(node, i64::wrapping_neg),
        _ => map(node, |x: f32| -x),
    }
}
