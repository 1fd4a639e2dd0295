//! SOFTMAX: `out[i] = exp(beta * x[i]) / sum over j of exp(beta * x[j])` along the last dimension.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// SOFTMAX along the last dimension.
    Softmax = Softmax, options (9, 0), inputs (1, 1),
    quantization QuantizationRule::Fixed { scale: 1.0 / 256.0, zero_point: -128 };
    /// Factor of the exponents.
    0 beta: f32 = 0.0;
}

fn shape(_op: &Softmax, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
