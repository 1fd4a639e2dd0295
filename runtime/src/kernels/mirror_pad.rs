//! MIRROR_PAD: the input with its cells mirrored around it, any type of whole bytes.
//!
//! The input is copied into the output's middle; then each dimension, the innermost first, is mirrored
//! within the output. What an outer dimension mirrors is finished by then.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{MirrorMode, MirrorPad, NodeExt as _, padding_of};
use sedge_schema::{MAX_RANK, Refusal};

use super::pad::inner;
use super::shared::region::Region;
use super::shared::{INPUT, OUTPUT, element_bytes, same_type};
use crate::arena::Span;
use crate::node::{Invoke, Prepare};
use crate::slices;
use sedge_schema::op::Node as _;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    region: Region,
    /// A [`Side`] for each dimension, the innermost first.
    sides: Span,
    /// Whether the outermost cells are mirrored as well.
    symmetric: u32,
}

/// A dimension of the output.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Side {
    before: u32,
    inside: u32,
    after: u32,
    /// Bytes between neighbours.
    stride: u32,
}

pub(super) fn prepare(op: MirrorPad, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let unit = element_bytes(same_type(node)?, INPUT)?;
    let region = inner(node)?;
    let (input, output) = (node.input(0)?, node.shape(OUTPUT)?);
    let sides = node.list::<Side>(input.rank())?;
    for (k, axis) in (0..input.rank()).rev().enumerate() {
        let (before, after) = padding_of(node, axis)?;
        let stride = output.elements_in(axis + 1..MAX_RANK) * unit;
        let stride = u32::try_from(stride).map_err(|_| Refusal::TooLarge)?;
        if let Some(side) = node.list_mut::<Side>(sides).get_mut(k) {
            *side = Side { before, inside: input.dim(axis) as u32, after, stride };
        }
    }
    node.set_data(Data { region, sides, symmetric: u32::from(op.mode == MirrorMode::Symmetric) })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let to = node.output::<u8>(0)?;
    if to.is_empty() {
        return Ok(());
    }
    data.region.run(data.region.kept_steps(node), node.input(0)?, to)?;
    for side in node.list::<Side>(data.sides) {
        side.mirror(to, 1 - data.symmetric.min(1) as usize).ok_or(Refusal::Internal)?;
    }
    Ok(())
}

impl Side {
    /// Mirrors the cells inside, `skip` of which at either end are left out.
    fn mirror(&self, to: &mut [u8], skip: usize) -> Option<()> {
        let [before, inside, after, stride] =
            [self.before, self.inside, self.after, self.stride].map(|n| n as usize);
        let end = before + inside;
        for row in to.chunks_exact_mut(((end + after) * stride).max(1)) {
            let mut copy =
                |from: usize, to: usize| slices::copy_within(row, from * stride, stride, to * stride);
            for k in 1..=before {
                copy(before + skip + k - 1, before - k)?;
            }
            for k in 1..=after {
                copy(end.checked_sub(skip + k)?, end + k - 1)?;
            }
        }
        Some(())
    }
}
