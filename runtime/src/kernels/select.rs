//! SELECT: `condition ? a : b`, any type of whole bytes; a condition of one dimension chooses rows.

use sedge_schema::Refusal;
use sedge_schema::op::{NodeExt as _, Select};

use super::shared::select;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: Select, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let condition = Select::condition(&node.input(0)?, &node.input(1)?)?;
    select::prepare(node, condition)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    select::invoke(node)
}
