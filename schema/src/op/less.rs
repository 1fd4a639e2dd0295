//! LESS: `out = a < b`, with broadcasting.

use super::node::broadcast;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// LESS: `out = a < b`, with broadcasting.
    Less = Less, options (41, 0), inputs (2, 2),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &Less, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
