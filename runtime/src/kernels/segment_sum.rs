//! SEGMENT_SUM: `out[n] = sum of the rows with number n`. float32; int32, wrapping. Numbers that do not
//! ascend from 0 by at most 1 are refused when the model runs.

use sedge_schema::Refusal;
use sedge_schema::op::SegmentSum;

use super::shared::segment::{self, NUMBERS};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: SegmentSum, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    segment::prepare(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let mut next = 0;
    for &number in node.input::<i32>(1)? {
        if number != next && number != next - 1 || number < 0 {
            return Err(Refusal::Value(NUMBERS));
        }
        next = number.saturating_add(1);
    }
    segment::invoke(node, (0.0, |sum, x| sum + x), (0, i32::wrapping_add))
}
