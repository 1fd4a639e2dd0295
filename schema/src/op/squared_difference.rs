//! SQUARED_DIFFERENCE: `out = (a - b)^2`, with broadcasting.

use super::node::broadcast;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// SQUARED_DIFFERENCE: `out = (a - b)^2`, with broadcasting.
    SquaredDifference = SquaredDifference, options (76, 0), inputs (2, 2),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &SquaredDifference, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
