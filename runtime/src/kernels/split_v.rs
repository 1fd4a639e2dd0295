//! SPLIT_V: `out_k[..., i, ...] = in[..., start_k + i, ...]`, any type of whole bytes.

use sedge_schema::Refusal;
use sedge_schema::op::{NodeExt as _, SplitV};

use super::shared::rows;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: SplitV, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let outer = node.input(0)?.elements_in(0..op.axis(node)?);
    rows::prepare_cut(node, 0, outer)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    rows::cut(node, 0)
}
