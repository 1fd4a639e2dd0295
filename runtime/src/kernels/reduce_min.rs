//! REDUCE_MIN: `smallest of the reduced elements`; of none, the type's largest value. Source:
//! tflite-micro's reference `reduce.h`.

use sedge_schema::op::ReduceMin;
use sedge_schema::{Refusal, TensorType};

use super::reduce_max::prepare_choice;
use super::shared::reduce;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: ReduceMin, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    prepare_choice(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<reduce::Data>()?;
    match data.kind() {
        Some(TensorType::Int8) => reduce::invoke(node, data, i8::MAX, i8::min, |x| x),
        Some(TensorType::UInt8) => reduce::invoke(node, data, u8::MAX, u8::min, |x| x),
        Some(TensorType::Int16) => reduce::invoke(node, data, i16::MAX, i16::min, |x| x),
        Some(TensorType::Int32) => reduce::invoke(node, data, i32::MAX, i32::min, |x| x),
        Some(TensorType::Int64) => reduce::invoke(node, data, i64::MAX, i64::min, |x| x),
        _ => reduce::invoke(node, data, f32::MAX, |a: f32, x: f32| if x < a { x } else { a }, |x| x),
    }
}
