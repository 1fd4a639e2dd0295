//! SLICE: `out[i, j, ...] = in[begin_0 + i, begin_1 + j, ...]`, any type of whole bytes.

use sedge_schema::op::{Cut, NodeExt as _, Slice};
use sedge_schema::{MAX_RANK, Refusal};

use super::shared::region::{self, Region, Steps};
use super::shared::{INPUT, element_bytes, same_type};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: Slice, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let cuts = op.cuts(node)?;
    prepare_cuts(node, &cuts)
}

/// Prepares the copy of what `cuts` takes of each dimension of input 0.
pub(super) fn prepare_cuts(node: &mut Prepare<'_>, cuts: &[Cut; MAX_RANK]) -> Result<(), Refusal> {
    let unit = element_bytes(same_type(node)?, INPUT)?;
    let input = node.input(0)?;
    let cuts = cuts.get(..input.rank()).unwrap_or_default();
    let taken: u64 = cuts.iter().map(|cut| u64::from(cut.count)).product();
    let mut steps = Steps::default();
    let (mut from, mut to) = (0u64, taken as i64 * unit as i64);
    for (axis, cut) in cuts.iter().enumerate() {
        let stride = (input.elements_in(axis + 1..MAX_RANK) * unit) as i64;
        from += u64::from(cut.start) * stride as u64;
        to /= i64::from(cut.count).max(1);
        steps.push(cut.count as usize, stride * i64::from(cut.step), to)?;
    }
    Region::new(node, steps, unit, (from, 0))?.prepare(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    region::invoke(node)
}
