//! MEAN: `sum of the reduced elements / their number`. Quantized: `zero_out + (sum - count * zero_in)
//! * (scale_in / scale_out / count)`, the division worked into the multiplier. Integers: a 64-bit sum,
//! divided towards zero. Source: tflite-micro's reference `reduce.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::Mean;
use sedge_schema::{Refusal, TensorType};

use super::shared::reduce::{self, quantized};
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Data {
    pub(super) reduce: reduce::Data,
    pub(super) rescale: quantized::Rescale,
}

const QUANTIZED: &[TensorType] = &[TensorType::Int8, TensorType::UInt8, TensorType::Int16];
const EXACT: &[TensorType] = &[TensorType::Float32, TensorType::Int32, TensorType::Int64];

/// Prepares sums or means.
pub(super) fn prepare_sum(node: &mut Prepare<'_>, mean: bool) -> Result<(), Refusal> {
    let reduce = reduce::prepare(node)?;
    let rescale = match reduce.kind() {
        Some(kind) if QUANTIZED.contains(&kind) => quantized::Rescale::new(node, kind, reduce.count, mean)?,
        _ => {
            reduce::check_type(node, EXACT)?;
            quantized::Rescale::zeroed()
        }
    };
    node.set_data(Data { reduce, rescale })
}

pub(super) fn prepare(_op: Mean, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    prepare_sum(node, true)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let kind = node.data::<Data>()?.reduce.kind();
    run(node, kind)
}

/// As [`invoke`], where all is int8.
pub(super) fn invoke_int8(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    run(node, Some(TensorType::Int8))
}

#[inline(always)]
fn run(node: &mut Invoke<'_>, kind: Option<TensorType>) -> Result<(), Refusal> {
    let Data { reduce, rescale } = node.data::<Data>()?;
    // Of no elements, integers have the mean 0.
    let count = i64::from(reduce.count.max(1));
    match kind {
        Some(TensorType::Int8) => quantized::invoke(node, reduce, rescale, |y| y as i8),
        Some(TensorType::UInt8) => quantized::invoke(node, reduce, rescale, |y| y as u8),
        Some(TensorType::Int16) => quantized::invoke(node, reduce, rescale, |y| y as i16),
        Some(TensorType::Int32) => {
            let add = |sum: i64, x: i32| sum.wrapping_add(x.into());
            reduce::invoke(node, reduce, 0, add, |sum| sum.checked_div(count).unwrap_or(0) as i32)
        }
        Some(TensorType::Int64) => {
            reduce::invoke(node, reduce, 0, i64::wrapping_add, |sum| sum.checked_div(count).unwrap_or(0))
        }
        _ => {
            let count = reduce.count as f32;
            reduce::invoke(node, reduce, 0.0, |sum: f32, x: f32| sum + x, |sum| sum / count)
        }
    }
}
