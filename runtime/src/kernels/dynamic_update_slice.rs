//! DYNAMIC_UPDATE_SLICE: `out = in`, then `out[start_0 + i, start_1 + j, ...] = block[i, j, ...]`, any type
//! of whole bytes. Starts are moved to where the block fits.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{DynamicUpdateSlice, NodeExt as _};
use sedge_schema::{MAX_RANK, Refusal, Slot};

use super::shared::indices::{Indices, index_type};
use super::shared::region::{Region, Steps};
use super::shared::{INPUT, copy_slice, element_bytes, same_type};
use crate::arena::Span;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    region: Region,
    /// A [`Side`] for each dimension.
    sides: Span,
    /// The starts' type code.
    kind: i32,
    /// Whether the output lies over the input.
    in_place: u32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Side {
    /// The last start that the block fits at.
    last: u32,
    /// Bytes between neighbours.
    stride: u32,
}

pub(super) fn prepare(_op: DynamicUpdateSlice, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    node.type_in(Slot::Input(1), &[kind])?;
    let unit = element_bytes(kind, INPUT)?;
    let starts = index_type(node, 2)?;
    let (whole, block) = (node.input(0)?, node.input(1)?);
    let sides = node.list::<Side>(whole.rank())?;
    let mut steps = Steps::default();
    for axis in 0..whole.rank() {
        let stride = |shape: &sedge_schema::Shape| shape.elements_in(axis + 1..MAX_RANK) * unit;
        steps.push(block.dim(axis), stride(&block) as i64, stride(&whole) as i64)?;
        let last = (whole.dim(axis) as u32).saturating_sub(block.dim(axis) as u32);
        let stride = u32::try_from(stride(&whole)).map_err(|_| Refusal::TooLarge)?;
        if let Some(side) = node.list_mut::<Side>(sides).get_mut(axis) {
            *side = Side { last, stride };
        }
    }
    let region = Region::new(node, steps, unit, (0, 0))?;
    let in_place = u32::from(node.overwrite(0, 0));
    node.set_data(Data { region, sides, kind: starts, in_place })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let to = node.output::<u8>(0)?;
    if data.in_place == 0 {
        copy_slice(node.input(0)?, to)?;
    }
    let starts = Indices::of(node, 2, data.kind)?;
    let sides = node.list::<Side>(data.sides).iter().enumerate();
    let first: u64 = sides
        .map(|(axis, side)| starts.get(axis).clamp(0, side.last.into()) as u64 * u64::from(side.stride))
        .sum();
    let first = u32::try_from(first).map_err(|_| Refusal::TooLarge)?;
    data.region.to(first).run(data.region.kept_steps(node), node.input(1)?, to)
}
