//! GREATER_EQUAL: `out = a >= b`, with broadcasting.

use super::node::broadcast;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// GREATER_EQUAL: `out = a >= b`, with broadcasting.
    GreaterEqual = GreaterEqual, options (45, 0), inputs (2, 2),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &GreaterEqual, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
