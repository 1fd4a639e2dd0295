//! LOGICAL_OR: `a || b` of bool, with broadcasting.

use sedge_schema::op::LogicalOr;
use sedge_schema::{Refusal, TensorType};

use super::shared::INPUT;
use super::shared::binary::{Broadcast, common_type};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: LogicalOr, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    common_type(node)?;
    node.type_in(INPUT, &[TensorType::Bool])?;
    let plan = Broadcast::prepare(node)?;
    node.set_data(plan)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let plan = *node.data::<Broadcast>()?;
    plan.run(node, |a: u8, b: u8| u8::from(a != 0 || b != 0))
}
