//! PRELU: `out = x` where `x >= 0`, otherwise `alpha * x`; input 1 holds `alpha`, with broadcasting.

use super::node::broadcast;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// PRELU: `out = x` where `x >= 0`, otherwise `alpha * x`; input 1 holds `alpha`, with broadcasting.
    Prelu = Prelu, options (0, 0), inputs (2, 2),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &Prelu, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
