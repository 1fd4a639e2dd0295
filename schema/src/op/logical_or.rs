//! LOGICAL_OR: `out = a || b`, with broadcasting.

use super::node::broadcast;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// LOGICAL_OR: `out = a || b`, with broadcasting.
    LogicalOr = LogicalOr, options (60, 0), inputs (2, 2),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &LogicalOr, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
