//! FLOOR_DIV: `floor(a / b)`. float32; int8, int16 and int32 as they are, where no `b` is 0.

use sedge_schema::op::FloorDiv;
use sedge_schema::{Refusal, TensorType};

use super::shared::whole::{self, Whole as _};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: FloorDiv, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    use TensorType::{Float32, Int8, Int16, Int32};
    whole::prepare(node, &[Float32, Int8, Int16, Int32])
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = *node.data::<whole::Data>()?;
    match data.kind() {
        Some(TensorType::Int8) => whole::divide(&data.plan, node, |a: i8, b| a.floor_div(b)),
        Some(TensorType::Int16) => whole::divide(&data.plan, node, |a: i16, b| a.floor_div(b)),
        Some(TensorType::Int32) => whole::divide(&data.plan, node, |a: i32, b| a.floor_div(b)),
        _ => data.plan.run(node, |a: f32, b: f32| libm::floorf(a / b)),
    }
}
