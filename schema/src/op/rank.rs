//! RANK: the number of dimensions of a tensor, one int32.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// RANK: the number of dimensions of a tensor.
    Rank = Rank, options (86, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &Rank, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0).map(|_| Shape::SCALAR)
}
