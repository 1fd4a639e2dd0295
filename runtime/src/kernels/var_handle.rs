//! VAR_HANDLE: names a variable. Nothing is left to do when the model runs.

use sedge_schema::Refusal;
use sedge_schema::op::VarHandle;

use super::shared::variable;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: VarHandle, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    variable::name(node)?;
    node.has_nothing_to_do();
    Ok(())
}

pub(super) fn invoke(_node: &mut Invoke<'_>) -> Result<(), Refusal> {
    Ok(())
}
