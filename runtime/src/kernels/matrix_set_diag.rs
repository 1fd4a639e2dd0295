//! MATRIX_SET_DIAG: `out = in`, then `out[..., i, i] = diagonal[..., i]`; any type of whole bytes.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{MatrixSetDiag, NodeExt as _};
use sedge_schema::{Refusal, Slot};

use super::shared::region::{Region, Steps};
use super::shared::{INPUT, copy_slice, element_bytes, same_type};
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    region: Region,
    /// Whether the output lies over the input.
    in_place: u32,
}

pub(super) fn prepare(_op: MatrixSetDiag, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    node.type_in(Slot::Input(1), &[kind])?;
    let unit = element_bytes(kind, INPUT)?;
    let (input, diagonal) = (node.input(0)?, node.input(1)?);
    let outer = input.rank().saturating_sub(2);
    let step = unit as i64;
    let line = input.last() as i64 * step;
    let mut steps = Steps::default();
    steps.push(input.elements_in(0..outer), diagonal.last() as i64 * step, line * input.dim(outer) as i64)?;
    steps.push(diagonal.last(), step, line + step)?;
    let region = Region::new(node, steps, unit, (0, 0))?;
    let in_place = u32::from(node.overwrite(0, 0));
    node.set_data(Data { region, in_place })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let to = node.output::<u8>(0)?;
    if data.in_place == 0 {
        copy_slice(node.input(0)?, to)?;
    }
    data.region.run(data.region.kept_steps(node), node.input(1)?, to)
}
