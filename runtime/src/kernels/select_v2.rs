//! SELECT_V2: `condition ? a : b` with broadcasting, any type of whole bytes.

use sedge_schema::Refusal;
use sedge_schema::op::{NodeExt as _, SelectV2};

use super::shared::select;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: SelectV2, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let condition = node.input(0)?;
    select::prepare(node, condition)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    select::invoke(node)
}
