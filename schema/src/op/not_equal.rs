//! NOT_EQUAL: `out = a != b`, with broadcasting.

use super::node::broadcast;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// NOT_EQUAL: `out = a != b`, with broadcasting.
    NotEqual = NotEqual, options (54, 0), inputs (2, 2),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &NotEqual, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
