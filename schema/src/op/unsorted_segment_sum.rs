//! UNSORTED_SEGMENT_SUM: sums of rows that have the same number.
//!
//! Input 1 (int32), whose dimensions are the first ones of input 0, holds for each row of input 0 the
//! number of the output's row that it belongs to; a negative one belongs to none. Input 2 (int32) holds
//! the number of the output's rows. The output's other dimensions are the row's.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// UNSORTED_SEGMENT_SUM: sums of rows that have the same number.
    UnsortedSegmentSum = UnsortedSegmentSum, options (121, 0), inputs (3, 3),
    quantization QuantizationRule::Integers;
}

/// The shape of rows that input 1 numbers, as many as input 2 says.
pub(super) fn segments_shape(node: &dyn Node) -> Result<Shape, Refusal> {
    let (data, numbers) = (node.input(0)?, node.input(1)?);
    if node.input(2)?.elements() != 1 {
        return Err(Refusal::Shape(Slot::Input(2)));
    }
    if !data.dims().starts_with(numbers.dims()) {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    let segments = u32::try_from(node.int(2, 0)?).map_err(|_| Refusal::Value(Slot::Input(2)))?;
    let row = data.dims().iter().skip(numbers.rank()).copied();
    fits(Shape::from_dims([segments].into_iter().chain(row)))
}

fn shape(_op: &UnsortedSegmentSum, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    segments_shape(node)
}
