//! TFLM_DECODE: constants that tflite-micro's compression tool stored smaller, at their full size.
//!
//! For output `i`, input `2 i` holds the codes and input `2 i + 1` how they are read: 16 bytes of metadata, of
//! which byte 0 is the kind and byte 1 the version (1), then tables. All are constants; a tensor keeps its type,
//! its shape and its scales.
//!
//! Source: tflite-micro, `docs/compression.md` and `kernels/decode_state_*`.

mod bits;
mod huffman;
mod lookup;
mod prune;

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::Node as _;
use sedge_schema::{Refusal, Slot, TensorType};

use crate::arena::Span;
use crate::node::{Invoke, Prepare};
use crate::slices;

/// Bytes of metadata before the tables.
const METADATA: usize = 16;

/// One output: how it is read.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Coded {
    /// One of [`KINDS`].
    kind: u32,
    /// Bytes of an element.
    size: u32,
    /// Elements that follow each other in one channel.
    run: u32,
    channels: u32,
    /// The value that is left out, for each channel; nothing where it is 0 everywhere.
    zeros: Span,
}

/// How codes of a kind become elements: what is to be read, codes, all of the second input, elements.
type Decode = fn(&Coded, &[i32], &[u8], &[u8], &mut [u8]) -> Option<()>;

/// The kinds by their numbers in the file.
const KINDS: [(u8, Decode); 3] = [(0, lookup::decode), (1, huffman::decode), (2, prune::decode)];

pub(super) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let outputs = node.outputs();
    if outputs == 0 || node.inputs() != 2 * outputs {
        return Err(Refusal::Inputs(node.inputs() as u32));
    }
    let list = node.list::<Coded>(outputs)?;
    for i in 0..outputs {
        let coded = prepare_one(node, i)?;
        if let Some(slot) = node.list_mut::<Coded>(list).get_mut(i) {
            *slot = coded;
        }
    }
    node.set_data(list)
}

fn prepare_one(node: &mut Prepare<'_>, i: usize) -> Result<Coded, Refusal> {
    use TensorType::{Bool, Float32, Int8, Int16, Int32, Int64};

    let (codes, how, to) = (Slot::Input(2 * i as u8), Slot::Input(2 * i as u8 + 1), Slot::Output(i as u8));
    let metadata = node.constant(2 * i + 1).ok_or(Refusal::NotConstant(how))?;
    node.constant(2 * i).ok_or(Refusal::NotConstant(codes))?;
    let (metadata, _) = metadata.split_first_chunk::<METADATA>().ok_or(Refusal::Value(how))?;
    let &[kind, version, _, _, own_version, ..] = metadata;
    if version != 1 || own_version != 1 {
        return Err(Refusal::Parameter("version of the compression"));
    }
    let kind = KINDS.iter().position(|(number, _)| *number == kind);
    let kind = kind.ok_or(Refusal::Parameter("kind of compression"))? as u32;
    let tensor_type = node.type_in(to, &[Bool, Float32, Int8, Int16, Int32, Int64])?;
    if kind == huffman::KIND && !huffman::allows(metadata, tensor_type) {
        return Err(Refusal::Type(to));
    }
    let shape = node.shape(to)?;
    node.set_shape(i, shape)?;

    // Tables are those of the scales' channels, the first or the last dimension.
    let scales = node.quantization(to)?;
    let channels = scales.map_or(1, |q| q.scale().len().max(1));
    let is_last = channels > 1 && scales.is_some_and(|q| q.quantized_dimension() == shape.rank() as i32 - 1);
    if !is_last && scales.is_some_and(|q| q.quantized_dimension() != 0) {
        return Err(Refusal::Quantization(to));
    }
    if !shape.elements().is_multiple_of(channels.max(1)) {
        return Err(Refusal::Quantization(to));
    }
    let run = if is_last { 1 } else { shape.elements() / channels.max(1) };
    let mut zeros = Span::NONE;
    if let (Some(scales), true) = (scales, kind == prune::KIND) {
        let zero_points = || (0..channels).map(|c| scales.zero_point_at(c));
        if tensor_type == Int8 {
            zeros = node.list::<i32>(channels)?;
            node.list_mut::<i32>(zeros).iter_mut().zip(zero_points()).for_each(|(to, zero)| *to = zero);
        } else if zero_points().any(|zero| zero != 0) {
            return Err(Refusal::Quantization(to));
        }
    }
    let size = tensor_type.bytes(1).ok_or(Refusal::Type(to))? as u32;
    Ok(Coded { kind, size, run: run as u32, channels: channels as u32, zeros })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let list = *node.data::<Span>()?;
    for (i, coded) in node.list::<Coded>(list).iter().enumerate() {
        let to = node.output::<u8>(i)?;
        let (codes, how) = (node.input::<u8>(2 * i)?, node.input::<u8>(2 * i + 1)?);
        let (_, decode) = KINDS.get(coded.kind as usize).ok_or(Refusal::Internal)?;
        let done = decode(coded, node.list(coded.zeros), codes, how, to);
        done.ok_or(Refusal::Value(Slot::Input(2 * i as u8)))?;
    }
    Ok(())
}

/// The channel of each element.
fn channels(coded: &Coded) -> impl Iterator<Item = usize> {
    let (run, channels) = (coded.run as usize, coded.channels as usize);
    (0..channels).cycle().flat_map(move |channel| core::iter::repeat_n(channel, run))
}

/// Copies the element of number `from` in a table to `to`.
fn copy(table: &[u8], from: usize, to: &mut [u8]) -> Option<()> {
    let at = from.checked_mul(to.len())?;
    let element = table.get(at..at.checked_add(to.len())?)?;
    slices::copy(element, to);
    Some(())
}
