//! LOGISTIC: `out = 1 / (1 + exp(-x))`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// LOGISTIC: `out = 1 / (1 + exp(-x))`, element by element.
    Logistic = Logistic, options (0, 0), inputs (1, 1),
    quantization QuantizationRule::Fixed { scale: 1.0 / 256.0, zero_point: -128 };
}

fn shape(_op: &Logistic, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
