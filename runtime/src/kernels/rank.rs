//! RANK: `out = number of dimensions`, as int32.

use sedge_schema::op::{NodeExt as _, Rank};
use sedge_schema::{Refusal, TensorType};

use super::shared::OUTPUT;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: Rank, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    node.type_in(OUTPUT, &[TensorType::Int32])?;
    let rank = node.input(0)?.rank() as i32;
    node.set_data(rank)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let rank = *node.data::<i32>()?;
    node.output::<i32>(0)?.fill(rank);
    Ok(())
}
