//! LOGICAL_AND: `out = a && b`, with broadcasting.

use super::node::broadcast;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// LOGICAL_AND: `out = a && b`, with broadcasting.
    LogicalAnd = LogicalAnd, options (62, 0), inputs (2, 2),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &LogicalAnd, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
