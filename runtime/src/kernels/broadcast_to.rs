//! BROADCAST_TO: `out[i, j, ...] = in[i or 0, j or 0, ...]`, any type of whole bytes.

use sedge_schema::op::{BroadcastTo, Node as _, NodeExt as _};
use sedge_schema::{MAX_RANK, Refusal};

use super::shared::region::{self, Region, Steps};
use super::shared::{INPUT, OUTPUT, element_bytes, same_type};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: BroadcastTo, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let unit = element_bytes(same_type(node)?, INPUT)?;
    let output = node.shape(OUTPUT)?;
    let input = node.input(0)?.expand_to(output.rank()).ok_or(Refusal::Internal)?;
    let mut steps = Steps::default();
    for (axis, &dim) in output.dims().iter().enumerate() {
        let stride = |shape: &sedge_schema::Shape| (shape.elements_in(axis + 1..MAX_RANK) * unit) as i64;
        let from = if input.dim(axis) == 1 { 0 } else { stride(&input) };
        steps.push(dim as usize, from, stride(&output))?;
    }
    Region::new(node, steps, unit, (0, 0))?.prepare(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    region::invoke(node)
}
