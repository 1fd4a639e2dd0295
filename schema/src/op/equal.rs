//! EQUAL: `out = a == b`, with broadcasting.

use super::node::broadcast;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// EQUAL: `out = a == b`, with broadcasting.
    Equal = Equal, options (53, 0), inputs (2, 2),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &Equal, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
