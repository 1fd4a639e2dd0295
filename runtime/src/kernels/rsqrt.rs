//! RSQRT: `out = 1 / sqrt(x)`, element by element. float32, int8 and int16.

use sedge_schema::op::Rsqrt;
use sedge_schema::{Refusal, TensorType};

use super::shared::pointwise::{self, Function};
use crate::node::{Invoke, Prepare};

impl Function for Rsqrt {
    const OTHER_TYPES: &'static [TensorType] = &[TensorType::Int8, TensorType::Int16];

    fn of(x: f32) -> f32 {
        1.0 / libm::sqrtf(x)
    }
}

pub(super) fn prepare(_op: Rsqrt, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    pointwise::prepare(node, Rsqrt::OTHER_TYPES, Rsqrt::of)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    pointwise::invoke(node, Rsqrt::of)
}
