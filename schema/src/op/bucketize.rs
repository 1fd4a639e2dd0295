//! BUCKETIZE: for each number how many of a list of boundaries are not above it.

use super::{FloatList, Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// BUCKETIZE: for each number how many of a list of boundaries are not above it, as int32.
    Bucketize = Bucketize, options (115, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
    /// The boundaries, in ascending order.
    0 boundaries: FloatList = FloatList::default();
}

fn shape(_op: &Bucketize, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
