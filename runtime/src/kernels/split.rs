//! SPLIT: `out_k[..., i, ...] = in[..., k * size + i, ...]`, any type of whole bytes.

use sedge_schema::Refusal;
use sedge_schema::op::{NodeExt as _, Split};

use super::shared::rows;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: Split, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let outer = node.input(1)?.elements_in(0..op.axis(node)?);
    rows::prepare_cut(node, 1, outer)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    rows::cut(node, 1)
}
