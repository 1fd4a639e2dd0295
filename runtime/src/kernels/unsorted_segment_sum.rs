//! UNSORTED_SEGMENT_SUM: `out[n] = sum of the rows with number n`. float32; int32, wrapping.

use sedge_schema::Refusal;
use sedge_schema::op::UnsortedSegmentSum;

use super::shared::segment;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: UnsortedSegmentSum, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    segment::prepare(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    segment::invoke(node, (0.0, |sum, x| sum + x), (0, i32::wrapping_add))
}
