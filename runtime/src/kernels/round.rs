//! ROUND: the nearest whole number, halves to the even one, element by element. float32 and float16.

use sedge_schema::op::Round;
use sedge_schema::{Refusal, TensorType};

use super::shared::pointwise::{self, Function};
use crate::node::{Invoke, Prepare};

impl Function for Round {
    const OTHER_TYPES: &'static [TensorType] = &[TensorType::Float16];

    fn of(x: f32) -> f32 {
        // As the reference has it, so that what rounds up to zero has no sign.
        let down = libm::floorf(x);
        let above = x - down;
        let is_even = down % 2.0 == 0.0;
        if above < 0.5 || (above == 0.5 && is_even) { down } else { down + 1.0 }
    }
}

pub(super) fn prepare(_op: Round, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    pointwise::prepare(node, Round::OTHER_TYPES, Round::of)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    pointwise::invoke(node, Round::of)
}
