//! REDUCE_MAX: `largest of the reduced elements`; of none, the type's smallest value. Source:
//! tflite-micro's reference `reduce.h`.

use sedge_schema::op::ReduceMax;
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, OUTPUT, reduce, same_quantization};
use crate::node::{Invoke, Prepare};

const TYPES: &[TensorType] = &[
    TensorType::Float32,
    TensorType::Int8,
    TensorType::UInt8,
    TensorType::Int16,
    TensorType::Int32,
    TensorType::Int64,
];

/// Prepares the choice of one of the reduced elements.
pub(super) fn prepare_choice(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = reduce::check_type(node, TYPES)?;
    let quantized = matches!(kind, TensorType::Int8 | TensorType::UInt8 | TensorType::Int16);
    if quantized && !same_quantization(node, INPUT, OUTPUT)? {
        return Err(Refusal::Quantization(OUTPUT));
    }
    let data = reduce::prepare(node)?;
    node.set_data(data)
}

pub(super) fn prepare(_op: ReduceMax, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    prepare_choice(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<reduce::Data>()?;
    match data.kind() {
        Some(TensorType::Int8) => reduce::invoke(node, data, i8::MIN, i8::max, |x| x),
        Some(TensorType::UInt8) => reduce::invoke(node, data, u8::MIN, u8::max, |x| x),
        Some(TensorType::Int16) => reduce::invoke(node, data, i16::MIN, i16::max, |x| x),
        Some(TensorType::Int32) => reduce::invoke(node, data, i32::MIN, i32::max, |x| x),
        Some(TensorType::Int64) => reduce::invoke(node, data, i64::MIN, i64::max, |x| x),
        _ => reduce::invoke(node, data, f32::MIN, |a: f32, x: f32| if x > a { x } else { a }, |x| x),
    }
}
