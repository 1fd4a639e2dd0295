//! MAX_POOL_2D: `clamp(largest of the cells inside)`. Source: tflite-micro's reference `pooling.h`.

use sedge_schema::op::{MaxPool2d, NodeExt as _};
use sedge_schema::{Refusal, TensorType};
use sedge_simd::Level;

use super::shared::pool;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: MaxPool2d, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let windows = op.windows(&node.input(0)?)?;
    pool::prepare(node, op.activation, windows)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let kind = node.data::<pool::Data>()?.kind();
    match (node.level(), kind) {
        (Level::Scalar(_), _) => run(node, kind),
        (_, Some(TensorType::Int8)) => pool::largest::<i8>(node),
        (_, Some(TensorType::Float32)) => pool::largest::<f32>(node),
        _ => run(node, kind),
    }
}

/// As [`invoke`], where all is int8.
pub(super) fn invoke_int8(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    run(node, Some(TensorType::Int8))
}

#[inline(always)]
fn run(node: &mut Invoke<'_>, kind: Option<TensorType>) -> Result<(), Refusal> {
    let data = node.data::<pool::Data>()?;
    match kind {
        Some(TensorType::Int8) => {
            pool::invoke(node, i8::MIN, |a: i8, x: i8| a.max(x), |m, _| data.clamp(m.into()) as i8)
        }
        Some(TensorType::UInt8) => {
            pool::invoke(node, u8::MIN, |a: u8, x: u8| a.max(x), |m, _| data.clamp(m.into()) as u8)
        }
        Some(TensorType::Int16) => {
            pool::invoke(node, i16::MIN, |a: i16, x: i16| a.max(x), |m, _| data.clamp(m.into()) as i16)
        }
        _ => {
            let larger = |a: f32, x: f32| if a < x { x } else { a };
            pool::invoke(node, f32::MIN, larger, |m, _| data.clamp_f32(m))
        }
    }
}
