//! UNSORTED_SEGMENT_PROD: `out[n] = product of the rows with number n`. float32; int32, wrapping.

use sedge_schema::Refusal;
use sedge_schema::op::UnsortedSegmentProd;

use super::shared::segment;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: UnsortedSegmentProd, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    segment::prepare(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    segment::invoke(node, (1.0, |product, x| product * x), (1, i32::wrapping_mul))
}
