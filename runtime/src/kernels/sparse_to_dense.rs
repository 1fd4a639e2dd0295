//! SPARSE_TO_DENSE: `out[indices[i, 0], indices[i, 1], ...] = values[i]`, input 3 elsewhere; any type of whole
//! bytes. An index out of range is refused when the model runs.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Node as _, SparseToDense};
use sedge_schema::{Refusal, Slot};

use super::shared::indices::{Indices, index_type};
use super::shared::{OUTPUT, copy_slice, element_bytes, region};
use crate::arena::Span;
use crate::node::{Invoke, Prepare};
use crate::slices;

const VALUES: Slot = Slot::Input(2);

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The output's dimensions.
    dims: Span,
    /// The indices' type code.
    kind: i32,
    /// Bytes of an element.
    unit: u32,
    /// Bytes from one value to the next; 0 where there is one for all.
    step: u32,
}

pub(super) fn prepare(_op: SparseToDense, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let element = node.tensor_type(VALUES)?;
    for slot in [Slot::Input(3), OUTPUT] {
        node.type_in(slot, &[element])?;
    }
    let kind = index_type(node, 0)?;
    let output = node.shape(OUTPUT)?;
    let dims = node.list::<u32>(output.rank())?;
    slices::copy(output.dims(), node.list_mut(dims));
    let unit = element_bytes(element, VALUES)? as u32;
    let step = if node.shape(VALUES)?.rank() == 0 { 0 } else { unit };
    node.set_data(Data { dims, kind, unit, step })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let dims = node.list::<u32>(data.dims);
    let to = node.output::<u8>(0)?;
    let indices = Indices::of(node, 0, data.kind)?;
    let values = node.input::<u8>(2)?;
    region::fill(to, node.input(3)?);
    let (unit, step) = (data.unit as usize, data.step as usize);
    for tuple in 0..indices.len().checked_div(dims.len()).unwrap_or(0) {
        let at = indices.part(tuple, dims).ok_or(Refusal::Value(Slot::Input(0)))? * unit;
        let value = values.get(tuple * step..).and_then(|values| values.get(..unit));
        let to = to.get_mut(at..).and_then(|to| to.get_mut(..unit)).ok_or(Refusal::Internal)?;
        copy_slice(value.ok_or(Refusal::Internal)?, to)?;
    }
    Ok(())
}
