//! REVERSE_V2: `out[i, ...] = in[dim - 1 - i, ...]` along some dimensions, any type of whole bytes.

use sedge_schema::op::{NodeExt as _, ReverseV2, reduced_axes};
use sedge_schema::{MAX_RANK, Refusal};

use super::shared::region::{self, Region, Steps};
use super::shared::{INPUT, element_bytes, same_type};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: ReverseV2, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let unit = element_bytes(same_type(node)?, INPUT)?;
    let input = node.input(0)?;
    let mut steps = Steps::default();
    let mut first = 0;
    for (axis, (&dim, reversed)) in input.dims().iter().zip(reduced_axes(node)?).enumerate() {
        let stride = (input.elements_in(axis + 1..MAX_RANK) * unit) as i64;
        if reversed {
            first += stride as u64 * u64::from(dim.saturating_sub(1));
        }
        steps.push(dim as usize, if reversed { -stride } else { stride }, stride)?;
    }
    Region::new(node, steps, unit, (first, 0))?.prepare(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    region::invoke(node)
}
