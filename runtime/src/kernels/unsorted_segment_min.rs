//! UNSORTED_SEGMENT_MIN: `out[n] = smallest of the rows with number n`; of none, the type's largest value. float32 and int32.

use sedge_schema::Refusal;
use sedge_schema::op::UnsortedSegmentMin;

use super::shared::segment;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: UnsortedSegmentMin, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    segment::prepare(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    segment::invoke(node, (f32::MAX, |a, x| if x < a { x } else { a }), (i32::MAX, i32::min))
}
