//! RELU_0_TO_1: `out = min(max(x, 0), 1)`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// RELU_0_TO_1: `out = min(max(x, 0), 1)`, element by element.
    Relu0To1 = Relu0To1, options (0, 0), inputs (1, 1),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &Relu0To1, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
