//! FLOOR: the largest whole number that is not above `x`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// FLOOR: the largest whole number that is not above `x`, element by element.
    Floor = Floor, options (0, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &Floor, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
