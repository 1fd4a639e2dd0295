//! TANH: `out = tanh(x)`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// TANH: `out = tanh(x)`, element by element.
    Tanh = Tanh, options (0, 0), inputs (1, 1),
    quantization QuantizationRule::Fixed { scale: 1.0 / 128.0, zero_point: 0 };
}

fn shape(_op: &Tanh, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
