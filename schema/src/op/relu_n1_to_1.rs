//! RELU_N1_TO_1: `out = min(max(x, -1), 1)`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// RELU_N1_TO_1: `out = min(max(x, -1), 1)`, element by element.
    ReluN1To1 = ReluN1To1, options (0, 0), inputs (1, 1),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &ReluN1To1, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
