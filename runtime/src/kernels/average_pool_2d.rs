//! AVERAGE_POOL_2D: `clamp(sum of the cells inside / their number)`; integers round halves away from
//! zero. Source: tflite-micro's reference `pooling.h`.

use sedge_schema::op::{AveragePool2d, NodeExt as _};
use sedge_schema::{Refusal, TensorType};

use super::shared::pool;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: AveragePool2d, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let windows = op.windows(&node.input(0)?)?;
    pool::prepare(node, op.activation, windows)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let kind = node.data::<pool::Data>()?.kind();
    run(node, kind)
}

/// As [`invoke`], where all is int8.
pub(super) fn invoke_int8(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    run(node, Some(TensorType::Int8))
}

#[inline(always)]
fn run(node: &mut Invoke<'_>, kind: Option<TensorType>) -> Result<(), Refusal> {
    let data = node.data::<pool::Data>()?;
    let mean = |sum: i32, count: usize| {
        let count = count as i32;
        let half = if sum > 0 { count / 2 } else { -(count / 2) };
        data.clamp(sum.wrapping_add(half).checked_div(count).unwrap_or(0))
    };
    match kind {
        Some(TensorType::Int8) => {
            pool::invoke(node, 0, |sum: i32, x: i8| sum.wrapping_add(x.into()), |s, n| mean(s, n) as i8)
        }
        Some(TensorType::UInt8) => {
            pool::invoke(node, 0, |sum: i32, x: u8| sum.wrapping_add(x.into()), |s, n| mean(s, n) as u8)
        }
        Some(TensorType::Int16) => {
            pool::invoke(node, 0, |sum: i32, x: i16| sum.wrapping_add(x.into()), |s, n| mean(s, n) as i16)
        }
        _ => pool::invoke(node, 0.0, |sum: f32, x: f32| sum + x, |s, n| data.clamp_f32(s / n as f32)),
    }
}
