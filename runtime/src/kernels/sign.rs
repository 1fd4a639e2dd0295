//! SIGN: -1, 0 or 1; not-a-number stays. float32 and int32.

use sedge_schema::op::Sign;
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, map, same_type};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: Sign, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    node.type_in(INPUT, &[TensorType::Float32, TensorType::Int32])?;
    node.overwrite(0, 0);
    node.set_data(i32::from(kind.code()))
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    match TensorType::from_code(*node.data::<i32>()? as i8) {
        Some(TensorType::Int32) => map(node, i32::signum),
        _ => map(node, |x: f32| match x {
            _ if x > 0.0 => 1.0,
            _ if x < 0.0 => -1.0,
            other => other,
        }),
    }
}
