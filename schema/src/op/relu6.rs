//! RELU6: `out = min(max(x, 0), 6)`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// RELU6: `out = min(max(x, 0), 6)`, element by element.
    Relu6 = Relu6, options (0, 0), inputs (1, 1),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &Relu6, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
