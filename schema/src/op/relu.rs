//! RELU: `out = max(x, 0)`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// RELU: `out = max(x, 0)`, element by element.
    Relu = Relu, options (0, 0), inputs (1, 1),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &Relu, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
