//! ONE_HOT: `out[..., k, ...] = on where indices[...] = k, off elsewhere`, any type of whole bytes.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Node as _, NodeExt as _, OneHot};
use sedge_schema::{MAX_RANK, Refusal, Slot};

use super::shared::indices::{Indices, index_type};
use super::shared::{OUTPUT, element_bytes, region};
use crate::node::{Invoke, Prepare};

const ON: usize = 2;
const OFF: usize = 3;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The indices' type code.
    kind: i32,
    depth: u32,
    /// Indices that lie inside the new dimension.
    inner: u32,
    /// Bytes of an element.
    unit: u32,
}

pub(super) fn prepare(op: OneHot, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = node.tensor_type(OUTPUT)?;
    let unit = element_bytes(kind, OUTPUT)? as u32;
    for input in [ON, OFF] {
        node.type_in(Slot::Input(input as u8), &[kind])?;
    }
    let indices = index_type(node, 0)?;
    let (input, output) = (node.input(0)?, node.shape(OUTPUT)?);
    let axis = output.axis(op.axis.into()).ok_or(Refusal::Parameter("axis"))?;
    let (depth, inner) = (output.dim(axis) as u32, input.elements_in(axis..MAX_RANK) as u32);
    node.set_data(Data { kind: indices, depth, inner, unit })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let to = node.output::<u8>(0)?;
    let indices = Indices::of(node, 0, data.kind)?;
    let on = node.input::<u8>(ON)?;
    region::fill(to, node.input(OFF)?);
    let (depth, inner, unit) = (data.depth as usize, data.inner as usize, data.unit as usize);
    for k in 0..indices.len() {
        let index = usize::try_from(indices.get(k)).ok().filter(|&index| index < depth);
        let (Some(index), Some(outer)) = (index, k.checked_div(inner)) else { continue };
        let at = ((outer * depth + index) * inner + k % inner) * unit;
        let to = to.get_mut(at..).and_then(|to| to.get_mut(..unit)).ok_or(Refusal::Internal)?;
        super::shared::copy_slice(on, to)?;
    }
    Ok(())
}
