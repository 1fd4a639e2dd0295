//! LESS_EQUAL: `out = a <= b`, with broadcasting.

use super::node::broadcast;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// LESS_EQUAL: `out = a <= b`, with broadcasting.
    LessEqual = LessEqual, options (46, 0), inputs (2, 2),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &LessEqual, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
