//! ELU: `out = x` where `x > 0`, otherwise `exp(x) - 1`, element by element. float32 and int8.

use sedge_schema::op::Elu;
use sedge_schema::{Refusal, TensorType};

use super::shared::pointwise::{self, Function};
use crate::node::{Invoke, Prepare};

impl Function for Elu {
    const OTHER_TYPES: &'static [TensorType] = &[TensorType::Int8];

    fn of(x: f32) -> f32 {
        if x < 0.0 { libm::expm1f(x) } else { x }
    }
}

pub(super) fn prepare(_op: Elu, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    pointwise::prepare(node, Elu::OTHER_TYPES, Elu::of)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    pointwise::invoke(node, Elu::of)
}
