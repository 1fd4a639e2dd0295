//! SQUEEZE: nothing to compute; a copy where the plan could not give both tensors one place.

use sedge_schema::Refusal;
use sedge_schema::op::Squeeze;

use super::shared;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: Squeeze, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    shared::prepare_view(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    shared::copy(node)
}
