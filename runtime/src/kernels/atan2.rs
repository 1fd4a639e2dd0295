//! ATAN2: the angle of the point `(b, a)`. float32 and float64.

use sedge_schema::op::Atan2;
use sedge_schema::{Refusal, TensorType};

use super::shared::whole;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: Atan2, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    whole::prepare(node, &[TensorType::Float32, TensorType::Float64])
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = *node.data::<whole::Data>()?;
    match data.kind() {
        Some(TensorType::Float64) => data.plan.run(node, libm::atan2),
        _ => data.plan.run(node, libm::atan2f),
    }
}
