//! SIGN: -1, 0 or 1, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// SIGN: -1, 0 or 1, element by element.
    Sign = Sign, options (123, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &Sign, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
