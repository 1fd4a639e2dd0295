//! SUM: `sum of the reduced elements`, integers modulo their width. Quantized: `zero_out + (sum - count
//! * zero_in) * (scale_in / scale_out)`. Source: tflite-micro's reference `reduce.h`.

use sedge_schema::op::Sum;
use sedge_schema::{Refusal, TensorType};

use super::mean::{Data, prepare_sum};
use super::shared::reduce::{self, quantized};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: Sum, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    prepare_sum(node, false)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let Data { reduce, rescale } = node.data::<Data>()?;
    match reduce.kind() {
        Some(TensorType::Int8) => quantized::invoke(node, reduce, rescale, |y| y as i8),
        Some(TensorType::UInt8) => quantized::invoke(node, reduce, rescale, |y| y as u8),
        Some(TensorType::Int16) => quantized::invoke(node, reduce, rescale, |y| y as i16),
        Some(TensorType::Int32) => reduce::invoke(node, reduce, 0, i32::wrapping_add, |sum| sum),
        Some(TensorType::Int64) => reduce::invoke(node, reduce, 0, i64::wrapping_add, |sum| sum),
        _ => reduce::invoke(node, reduce, 0.0, |sum: f32, x: f32| sum + x, |sum| sum),
    }
}
