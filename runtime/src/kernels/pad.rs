//! PAD: `out[before_0 + i, before_1 + j, ...] = in[i, j, ...]`, the output's zero point elsewhere; any
//! type of whole bytes.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Node as _, NodeExt as _, Pad, padding_of};
use sedge_schema::{MAX_RANK, Refusal, TensorType};

use super::shared::region::{self, Region, Steps};
use super::shared::{INPUT, OUTPUT, element_bytes, same_type};
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    region: Region,
    /// Bytes of an element.
    unit: u32,
    /// The byte that an element around the input repeats.
    byte: u32,
}

pub(super) fn prepare(_op: Pad, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    let zero = match kind {
        TensorType::Int8 | TensorType::UInt8 => node.quantization(OUTPUT)?.map_or(0, |q| q.zero_point_at(0)),
        _ => 0,
    };
    let region = inner(node)?;
    let unit = element_bytes(kind, INPUT)? as u32;
    node.set_data(Data { region, unit, byte: u32::from(zero as u8) })
}

/// The copy of input 0 into the output, with the padding of input 1 around it.
pub(super) fn inner(node: &mut Prepare<'_>) -> Result<Region, Refusal> {
    let unit = element_bytes(same_type(node)?, INPUT)?;
    let (input, output) = (node.input(0)?, node.shape(OUTPUT)?);
    let mut steps = Steps::default();
    let mut to = 0u64;
    for (axis, &dim) in input.dims().iter().enumerate() {
        let stride = |shape: &sedge_schema::Shape| (shape.elements_in(axis + 1..MAX_RANK) * unit) as i64;
        let (before, _) = padding_of(node, axis)?;
        to += u64::from(before) * stride(&output) as u64;
        steps.push(dim as usize, stride(&input), stride(&output))?;
    }
    Region::new(node, steps, unit, (0, to))
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let value = [data.byte as u8; 16];
    region::invoke_inside(node, &data.region, value.get(..data.unit as usize).unwrap_or_default())
}
