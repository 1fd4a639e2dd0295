//! BITCAST: the bytes of the input, as another type of whole bytes.

use sedge_schema::Refusal;
use sedge_schema::op::Bitcast;

use super::shared::copy;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: Bitcast, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    node.part(0);
    Ok(())
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    copy(node)
}
