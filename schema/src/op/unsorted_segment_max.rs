//! UNSORTED_SEGMENT_MAX: the largest elements of rows that have the same number. Inputs and dimensions
//! are as in UNSORTED_SEGMENT_SUM.

use super::unsorted_segment_sum::segments_shape;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// UNSORTED_SEGMENT_MAX: the largest elements of rows that have the same number.
    UnsortedSegmentMax = UnsortedSegmentMax, options (119, 0), inputs (3, 3),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &UnsortedSegmentMax, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    segments_shape(node)
}
