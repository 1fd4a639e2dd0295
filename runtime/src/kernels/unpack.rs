//! UNPACK: `out_k[...] = in[..., k, ...]`, any type of whole bytes.

use sedge_schema::Refusal;
use sedge_schema::op::{NodeExt as _, Unpack};

use super::shared::rows;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: Unpack, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let input = node.input(0)?;
    let axis = input.axis(op.axis.into()).ok_or(Refusal::Parameter("axis"))?;
    let rows = rows::of(node, 0..1, input.elements_in(0..axis))?;
    node.set_data(rows)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    rows::cut(node, 0)
}
