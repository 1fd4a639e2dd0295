//! WIP

use sedge_schema::Refusal;
use sedge_schema::op::Dequantize;

use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: Dequantize, _node: &mut Prepare<'_>) -> Result<(), Refusal> {
    Err(Refusal::Internal)
}

pub(super) fn invoke(_node: &mut Invoke<'_>) -> Result<(), Refusal> {
    Err(Refusal::Internal)
}
