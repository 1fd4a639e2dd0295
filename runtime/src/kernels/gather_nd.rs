//! GATHER_ND: `out[i, ...] = in[indices[i, 0], ..., indices[i, n - 1], ...]`, any type of whole bytes. An
//! index out of range is refused when the model runs.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{GatherNd, NodeExt as _};
use sedge_schema::{MAX_RANK, Refusal, Slot};

use super::shared::indices::{Indices, index_type};
use super::shared::{INPUT, element_bytes, same_type};
use crate::arena::Span;
use crate::node::{Invoke, Prepare};
use crate::slices;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The dimensions that indices count.
    dims: Span,
    /// The indices' type code.
    kind: i32,
    /// Bytes of a part.
    part: u32,
}

pub(super) fn prepare(_op: GatherNd, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let unit = element_bytes(same_type(node)?, INPUT)?;
    let kind = index_type(node, 1)?;
    let input = node.input(0)?;
    let count = node.input(1)?.last();
    let dims = node.list::<u32>(count)?;
    node.list_mut::<u32>(dims).iter_mut().zip(input.dims()).for_each(|(to, &dim)| *to = dim);
    let part = u32::try_from(input.elements_in(count..MAX_RANK) * unit).map_err(|_| Refusal::TooLarge)?;
    node.set_data(Data { dims, kind, part })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let dims = node.list::<u32>(data.dims);
    let to = node.output::<u8>(0)?;
    let from = node.input::<u8>(0)?;
    let indices = Indices::of(node, 1, data.kind)?;
    if to.is_empty() {
        return Ok(());
    }
    let size = data.part as usize;
    for (tuple, to) in to.chunks_exact_mut(size.max(1)).enumerate() {
        let part = indices.part(tuple, dims).ok_or(Refusal::Value(Slot::Input(1)))?;
        let from = from.get(part * size..).and_then(|from| from.get(..size));
        slices::copy(from.ok_or(Refusal::Internal)?, to);
    }
    Ok(())
}
