//! DILATE: `out[i * factor_0, j * factor_1, ...] = in[i, j, ...]`, the value of input 2 elsewhere; any type
//! of whole bytes.

use sedge_schema::op::{Dilate, Node as _, NodeExt as _};
use sedge_schema::{MAX_RANK, Refusal, Shape, Slot};

use super::shared::region::{self, Region, Steps};
use super::shared::{INPUT, OUTPUT, element_bytes, same_type};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: Dilate, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    node.type_in(Slot::Input(2), &[kind])?;
    let unit = element_bytes(kind, INPUT)?;
    let (input, output) = (node.input(0)?, node.shape(OUTPUT)?);
    let mut steps = Steps::default();
    for (axis, &dim) in input.dims().iter().enumerate() {
        let stride = |shape: &Shape| (shape.elements_in(axis + 1..MAX_RANK) * unit) as i64;
        let to = stride(&output).checked_mul(Dilate::factor(node, axis)?.into()).ok_or(Refusal::TooLarge)?;
        steps.push(dim as usize, stride(&input), to)?;
    }
    let region = Region::new(node, steps, unit, (0, 0))?;
    node.set_data(region)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let region = *node.data::<Region>()?;
    region::invoke_inside_input(node, &region, 2)
}
