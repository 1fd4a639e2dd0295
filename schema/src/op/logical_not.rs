//! LOGICAL_NOT: `out = !x`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// LOGICAL_NOT: `out = !x`, element by element.
    LogicalNot = LogicalNot, options (63, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &LogicalNot, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
