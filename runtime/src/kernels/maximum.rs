//! MAXIMUM: the larger of each two elements, as they are; quantized ones must have one scale.

use sedge_schema::Refusal;
use sedge_schema::op::Maximum;

use super::shared::extreme;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: Maximum, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    extreme::prepare(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    extreme::invoke::<true>(node)
}

/// As [`invoke`], where all is int32.
pub(super) fn invoke_int32(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    extreme::invoke_int32::<true>(node)
}
