//! L2_POOL_2D: `clamp(sqrt(sum of x^2 / count))` over the cells inside. float32. Source: tflite's
//! reference `pooling.h`.

use sedge_schema::op::{L2Pool2d, NodeExt as _};
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, pool};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: L2Pool2d, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    node.type_in(INPUT, &[TensorType::Float32])?;
    let windows = op.windows(&node.input(0)?)?;
    pool::prepare(node, op.activation, windows)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<pool::Data>()?;
    let root = |sum: f32, count: usize| data.clamp_f32(libm::sqrtf(sum / count as f32));
    pool::invoke(node, 0.0, |sum: f32, x: f32| sum + x * x, root)
}
