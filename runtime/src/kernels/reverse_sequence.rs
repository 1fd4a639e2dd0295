//! REVERSE_SEQUENCE: `out[b, i, ...] = in[b, length_b - 1 - i, ...]` for `i < length_b`, other elements as
//! they are; any type of whole bytes. A length beyond the sequence is refused when the model runs.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{NodeExt as _, ReverseSequence};
use sedge_schema::{MAX_RANK, Refusal, Slot};

use super::shared::indices::{Axis, Indices, index_type};
use super::shared::{INPUT, copy_slice, element_bytes, same_type};
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    sequence: Axis,
    batch: Axis,
    /// The lengths' type code.
    kind: i32,
    /// Bytes of a part: everything inside both dimensions.
    part: u32,
}

pub(super) fn prepare(op: ReverseSequence, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let unit = element_bytes(same_type(node)?, INPUT)?;
    let kind = index_type(node, 1)?;
    let input = node.input(0)?;
    let (sequence, batch) = op.axes(&input)?;
    let inner = sequence.max(batch) + 1;
    let axis =
        |axis: usize| Axis { dim: input.dim(axis) as u32, stride: input.elements_in(axis + 1..inner) as u32 };
    let part = u32::try_from(input.elements_in(inner..MAX_RANK) * unit).map_err(|_| Refusal::TooLarge)?;
    node.set_data(Data { sequence: axis(sequence), batch: axis(batch), kind, part })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let to = node.output::<u8>(0)?;
    let (from, lengths) = (node.input::<u8>(0)?, Indices::of(node, 1, data.kind)?);
    let (sequence, size) = (data.sequence, data.part as usize);
    if (0..lengths.len()).any(|k| lengths.get(k) > sequence.dim.into()) {
        return Err(Refusal::Value(Slot::Input(1)));
    }
    for (part, to) in to.chunks_exact_mut(size.max(1)).enumerate() {
        let at = sequence.index(part);
        let length = usize::try_from(lengths.get(data.batch.index(part))).unwrap_or(0);
        let mirrored = if at < length { length - 1 - at } else { at };
        let first = (part - at * sequence.stride as usize + mirrored * sequence.stride as usize) * size;
        let from = from.get(first..).and_then(|from| from.get(..size));
        copy_slice(from.ok_or(Refusal::Internal)?, to)?;
    }
    Ok(())
}
