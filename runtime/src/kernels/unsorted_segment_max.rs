//! UNSORTED_SEGMENT_MAX: `out[n] = largest of the rows with number n`; of none, the type's smallest value. float32 and int32.

use sedge_schema::Refusal;
use sedge_schema::op::UnsortedSegmentMax;

use super::shared::segment;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: UnsortedSegmentMax, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    segment::prepare(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    segment::invoke(node, (f32::MIN, |a, x| if a < x { x } else { a }), (i32::MIN, i32::max))
}
