//! SIN: `out = sin(x)`, element by element. float32.

use sedge_schema::op::Sin;
use sedge_schema::{Refusal, TensorType};

use super::shared::pointwise::{self, Function};
use crate::node::{Invoke, Prepare};

impl Function for Sin {
    const OTHER_TYPES: &'static [TensorType] = &[];

    fn of(x: f32) -> f32 {
        libm::sinf(x)
    }
}

pub(super) fn prepare(_op: Sin, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    pointwise::prepare(node, Sin::OTHER_TYPES, Sin::of)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    pointwise::invoke(node, Sin::of)
}
