//! SIN: `out = sin(x)`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// SIN: `out = sin(x)`, element by element.
    Sin = Sin, options (0, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &Sin, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
