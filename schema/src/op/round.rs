//! ROUND: the nearest whole number, halves to the even one, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// ROUND: the nearest whole number, halves to the even one, element by element.
    Round = Round, options (0, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &Round, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
