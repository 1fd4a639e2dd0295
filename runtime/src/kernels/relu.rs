//! RELU: `max(x, 0)`; quantized values are rescaled to the output's scale.

use sedge_schema::Refusal;
use sedge_schema::op::{Activation, Relu};

use super::shared;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: Relu, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    shared::clamp::prepare(node, Activation::Relu)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    shared::clamp::invoke(node)
}
