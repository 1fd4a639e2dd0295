//! TILE: `out[i, j, ...] = in[i mod dim_0, j mod dim_1, ...]`, any type of whole bytes.

use sedge_schema::op::{Node as _, NodeExt as _, Tile};
use sedge_schema::{MAX_RANK, Refusal};

use super::shared::region::{self, Region, Steps};
use super::shared::{INPUT, OUTPUT, element_bytes, same_type};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: Tile, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let unit = element_bytes(same_type(node)?, INPUT)?;
    let (input, output) = (node.input(0)?, node.shape(OUTPUT)?);
    let mut steps = Steps::default();
    for axis in 0..input.rank() {
        let stride = |shape: &sedge_schema::Shape| (shape.elements_in(axis + 1..MAX_RANK) * unit) as i64;
        let (dim, from, to) = (input.dim(axis), stride(&input), stride(&output));
        let times = output.dim(axis).checked_div(dim).unwrap_or(0);
        steps.push(times, 0, dim as i64 * to)?;
        steps.push(dim, from, to)?;
    }
    Region::new(node, steps, unit, (0, 0))?.prepare(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    region::invoke(node)
}
