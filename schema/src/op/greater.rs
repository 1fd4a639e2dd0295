//! GREATER: `out = a > b`, with broadcasting.

use super::node::broadcast;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// GREATER: `out = a > b`, with broadcasting.
    Greater = Greater, options (44, 0), inputs (2, 2),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &Greater, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
