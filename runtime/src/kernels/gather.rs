//! GATHER: `out[b, o, i, ...] = in[b, o, indices[b, i], ...]`, any type where what an index names is whole
//! bytes, such as rows of an even number of int4. An index out of range is refused when the model runs.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Gather, NodeExt as _};
use sedge_schema::{MAX_RANK, Refusal, Slot, TensorType};

use super::shared::{INPUT, same_type};
use crate::element::Element;
use crate::node::{Invoke, Prepare};
use crate::slices;

const INDICES: Slot = Slot::Input(1);

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The indices' type code.
    kind: i32,
    /// How often there are other indices, and how often these are used.
    batches: u32,
    outer: u32,
    /// Indices of a batch.
    indices: u32,
    /// Parts that an index may name, and the bytes of one.
    parts: u32,
    part: u32,
}

pub(super) fn prepare(op: Gather, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let bits = same_type(node)?.bits();
    let kind = node.type_in(INDICES, &[TensorType::Int16, TensorType::Int32, TensorType::Int64])?;
    let (input, indices) = (node.input(0)?, node.input(1)?);
    let (axis, common) = op.axes(&input, &indices)?;
    let part = input.elements_in(axis + 1..MAX_RANK) as u64 * bits as u64;
    if bits == 0 || !part.is_multiple_of(8) {
        return Err(Refusal::Type(INPUT));
    }
    node.set_data(Data {
        kind: kind.code().into(),
        batches: input.elements_in(0..common) as u32,
        outer: input.elements_in(common..axis) as u32,
        indices: indices.elements_in(common..MAX_RANK) as u32,
        parts: input.dim(axis) as u32,
        part: u32::try_from(part / 8).map_err(|_| Refusal::TooLarge)?,
    })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Int16) => gather::<i16>(node, data),
        Some(TensorType::Int64) => gather::<i64>(node, data),
        _ => gather::<i32>(node, data),
    }
}

fn gather<I: Element + Into<i64>>(node: &mut Invoke<'_>, data: &Data) -> Result<(), Refusal> {
    let to = node.output::<u8>(0)?;
    let (from, indices) = (node.input::<u8>(0)?, node.input::<I>(1)?);
    let refused = Refusal::Value(INDICES);
    let named = |index: I| usize::try_from(index.into()).ok().filter(|&i| i < data.parts as usize);
    if indices.iter().any(|&index| named(index).is_none()) {
        return Err(refused);
    }
    if to.is_empty() {
        return Ok(());
    }
    let part = data.part as usize;
    let (batch, whole) = (data.indices as usize, data.parts as usize * part);
    let mut to = to.chunks_exact_mut(part.max(1));
    let mut from = from.chunks_exact(whole.max(1));
    for indices in indices.chunks_exact(batch.max(1)) {
        for from in from.by_ref().take(data.outer as usize) {
            for (&index, to) in indices.iter().zip(&mut to) {
                let at = named(index).ok_or(refused)? * part;
                slices::copy(from.get(at..at + part).ok_or(Refusal::Internal)?, to);
            }
        }
    }
    Ok(())
}
