//! SEGMENT_SUM: sums of neighbouring rows.
//!
//! Input 1 (int32) holds for each row of input 0 the number of the output's row that it is added to:
//! from 0 on, each as large as the one before it or larger by one.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// SEGMENT_SUM: sums of neighbouring rows.
    SegmentSum = SegmentSum, options (100, 0), inputs (2, 2),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &SegmentSum, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let (data, numbers) = (node.input(0)?, node.input(1)?);
    let Some(&rows) = data.dims().first() else { return Err(Refusal::Shape(Slot::Input(0))) };
    if numbers.dims() != [rows] {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    // Numbers ascend, so the last one is the largest.
    let segments = match (rows as usize).checked_sub(1) {
        Some(last) => node.int(1, last)?.saturating_add(1),
        None => 0,
    };
    let segments = u32::try_from(segments).map_err(|_| Refusal::Value(Slot::Input(1)))?;
    fits(data.with(0, segments))
}
