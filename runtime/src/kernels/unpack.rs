//! UNPACK: `out_k[...] = in[..., k, ...]`, any type of whole bytes.

use sedge_schema::Refusal;
use sedge_schema::op::{NodeExt as _, Unpack};

use super::shared::rows;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: Unpack, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let input = node.input(0)?;
    let axis = input.axis(op.axis.into()).ok_or(Refusal::Parameter("axis"))?;
    rows::prepare_cut(node, 0, input.elements_in(0..axis))
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    rows::cut(node, 0)
}
