//! SQUARE: `out = x * x`, element by element. float32.

use sedge_schema::op::Square;
use sedge_schema::{Refusal, TensorType};

use super::shared::pointwise::{self, Function};
use crate::node::{Invoke, Prepare};

impl Function for Square {
    const OTHER_TYPES: &'static [TensorType] = &[];

    fn of(x: f32) -> f32 {
        x * x
    }
}

pub(super) fn prepare(_op: Square, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    pointwise::prepare(node, Square::OTHER_TYPES, Square::of)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    pointwise::invoke(node, Square::of)
}
