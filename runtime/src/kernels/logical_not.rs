//! LOGICAL_NOT: `!x` of bool.

use sedge_schema::op::LogicalNot;
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, map, same_type};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: LogicalNot, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    same_type(node)?;
    node.type_in(INPUT, &[TensorType::Bool])?;
    node.overwrite(0, 0);
    Ok(())
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    map(node, |x: u8| u8::from(x == 0))
}
