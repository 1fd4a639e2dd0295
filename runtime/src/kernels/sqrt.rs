//! SQRT: `out = sqrt(x)`, element by element. float32, int8 and int16.

use sedge_schema::op::Sqrt;
use sedge_schema::{Refusal, TensorType};

use super::shared::pointwise::{self, Function};
use crate::node::{Invoke, Prepare};

impl Function for Sqrt {
    const OTHER_TYPES: &'static [TensorType] = &[TensorType::Int8, TensorType::Int16];

    fn of(x: f32) -> f32 {
        libm::sqrtf(x)
    }
}

pub(super) fn prepare(_op: Sqrt, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    pointwise::prepare(node, Sqrt::OTHER_TYPES, Sqrt::of)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    pointwise::invoke(node, Sqrt::of)
}
