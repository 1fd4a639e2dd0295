//! FLOOR_MOD: `a - b * floor(a / b)`: the rest, with the divisor's sign. float32; int8, int16, int32 and
//! int64 as they are, where no `b` is 0.

use sedge_schema::op::FloorMod;
use sedge_schema::{Refusal, TensorType};

use super::shared::whole::{self, Whole as _};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: FloorMod, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    use TensorType::{Float32, Int8, Int16, Int32, Int64};
    whole::prepare(node, &[Float32, Int8, Int16, Int32, Int64])
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = *node.data::<whole::Data>()?;
    match data.kind() {
        Some(TensorType::Int8) => whole::divide(&data.plan, node, |a: i8, b| a.floor_mod(b)),
        Some(TensorType::Int16) => whole::divide(&data.plan, node, |a: i16, b| a.floor_mod(b)),
        Some(TensorType::Int32) => whole::divide(&data.plan, node, |a: i32, b| a.floor_mod(b)),
        Some(TensorType::Int64) => whole::divide(&data.plan, node, |a: i64, b| a.floor_mod(b)),
        _ => data.plan.run(node, |a: f32, b: f32| {
            let rest = a % b;
            if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
        }),
    }
}
