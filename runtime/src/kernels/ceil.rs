//! CEIL: the smallest whole number that is not below `x`, element by element. float32.

use sedge_schema::op::Ceil;
use sedge_schema::{Refusal, TensorType};

use super::shared::pointwise::{self, Function};
use crate::node::{Invoke, Prepare};

impl Function for Ceil {
    const OTHER_TYPES: &'static [TensorType] = &[];

    fn of(x: f32) -> f32 {
        libm::ceilf(x)
    }
}

pub(super) fn prepare(_op: Ceil, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    pointwise::prepare(node, Ceil::OTHER_TYPES, Ceil::of)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    pointwise::invoke(node, Ceil::of)
}
