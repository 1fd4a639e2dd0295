//! SQUARE: `out = x * x`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// SQUARE: `out = x * x`, element by element.
    Square = Square, options (66, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &Square, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
