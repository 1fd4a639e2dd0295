//! COS: `out = cos(x)`, element by element. float32.

use sedge_schema::op::Cos;
use sedge_schema::{Refusal, TensorType};

use super::shared::pointwise::{self, Function};
use crate::node::{Invoke, Prepare};

impl Function for Cos {
    const OTHER_TYPES: &'static [TensorType] = &[];

    fn of(x: f32) -> f32 {
        libm::cosf(x)
    }
}

pub(super) fn prepare(_op: Cos, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    pointwise::prepare(node, Cos::OTHER_TYPES, Cos::of)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    pointwise::invoke(node, Cos::of)
}
