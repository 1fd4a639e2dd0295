//! PACK: `out[..., k, ...] = in_k[...]`, any type of whole bytes.

use sedge_schema::Refusal;
use sedge_schema::op::{Node as _, Pack};

use super::shared::{OUTPUT, rows};
use crate::node::{Invoke, Prepare};
use crate::slices;

pub(super) fn prepare(op: Pack, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let output = node.shape(OUTPUT)?;
    let axis = output.axis(op.axis.into()).ok_or(Refusal::Parameter("axis"))?;
    let rows = rows::of(node, 0..node.inputs(), output.elements_in(0..axis))?;
    rows::prepare_join(node, rows);
    node.set_data(rows)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let rows = *node.data::<rows::Rows>()?;
    rows::join(node, rows, |_, from, to| slices::copy(from, to))
}
