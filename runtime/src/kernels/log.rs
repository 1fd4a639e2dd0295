//! LOG: the natural logarithm, element by element. float32, int8 and int16.

use sedge_schema::op::Log;
use sedge_schema::{Refusal, TensorType};

use super::shared::pointwise::{self, Function};
use crate::node::{Invoke, Prepare};

impl Function for Log {
    const OTHER_TYPES: &'static [TensorType] = &[TensorType::Int8, TensorType::Int16];

    fn of(x: f32) -> f32 {
        libm::logf(x)
    }
}

pub(super) fn prepare(_op: Log, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    pointwise::prepare(node, Log::OTHER_TYPES, Log::of)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    pointwise::invoke(node, Log::of)
}
