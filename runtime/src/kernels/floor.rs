//! FLOOR: the largest whole number that is not above `x`, element by element. float32 and float16.

use sedge_schema::op::Floor;
use sedge_schema::{Refusal, TensorType};

use super::shared::pointwise::{self, Function};
use crate::node::{Invoke, Prepare};

impl Function for Floor {
    const OTHER_TYPES: &'static [TensorType] = &[TensorType::Float16];

    fn of(x: f32) -> f32 {
        libm::floorf(x)
    }
}

pub(super) fn prepare(_op: Floor, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    pointwise::prepare(node, Floor::OTHER_TYPES, Floor::of)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    pointwise::invoke(node, Floor::of)
}
