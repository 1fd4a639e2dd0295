//! EXP: `out = exp(x)`, element by element. float32, int8 and int16.

use sedge_schema::op::Exp;
use sedge_schema::{Refusal, TensorType};

use super::shared::pointwise::{self, Function};
use crate::node::{Invoke, Prepare};

impl Function for Exp {
    const OTHER_TYPES: &'static [TensorType] = &[TensorType::Int8, TensorType::Int16];

    fn of(x: f32) -> f32 {
        libm::expf(x)
    }
}

pub(super) fn prepare(_op: Exp, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    pointwise::prepare(node, Exp::OTHER_TYPES, Exp::of)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    pointwise::invoke(node, Exp::of)
}
