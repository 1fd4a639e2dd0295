//! RELU_N1_TO_1: `min(max(x, -1), 1)`; quantized values are rescaled to the output's scale.

use sedge_schema::Refusal;
use sedge_schema::op::ReluN1To1;

use super::shared;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: ReluN1To1, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    shared::clamp::prepare_range(node, (-1.0, 1.0))
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    shared::clamp::invoke(node)
}
