//! TRANSPOSE: `out[i_p0, i_p1, ...] = in[i_0, i_1, ...]`, any type of whole bytes.

use sedge_schema::op::{NodeExt as _, Transpose, permutation};
use sedge_schema::{MAX_RANK, Refusal};

use super::shared::region::{self, Region, Steps};
use super::shared::{INPUT, element_bytes, same_type};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: Transpose, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let unit = element_bytes(same_type(node)?, INPUT)?;
    let input = node.input(0)?;
    let order = permutation(node)?;
    let stride = |axis: usize| (input.elements_in(axis + 1..MAX_RANK) * unit) as i64;
    let mut steps = Steps::default();
    let mut to = (input.elements() * unit) as i64;
    for &axis in order.iter().take(input.rank()) {
        to /= (input.dim(axis) as i64).max(1);
        steps.push(input.dim(axis), stride(axis), to)?;
    }
    Region::new(node, steps, unit, (0, 0))?.prepare(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    region::invoke(node)
}
