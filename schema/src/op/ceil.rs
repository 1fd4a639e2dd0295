//! CEIL: the smallest whole number that is not below `x`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// CEIL: the smallest whole number that is not below `x`, element by element.
    Ceil = Ceil, options (0, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &Ceil, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
