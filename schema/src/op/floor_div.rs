//! FLOOR_DIV: `out = floor(a / b)`, with broadcasting.

use super::node::broadcast;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// FLOOR_DIV: `out = floor(a / b)`, with broadcasting.
    FloorDiv = FloorDiv, options (65, 0), inputs (2, 2),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &FloorDiv, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
