//! GELU: `out = x * P(X <= x)` for a standard normal `X`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// GELU: `out = x * P(X <= x)` for a standard normal `X`, element by element.
    Gelu = Gelu, options (116, 0), inputs (1, 1),
    quantization QuantizationRule::Calibrated;
    /// Whether `P` is approximated by `(1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2`.
    0 approximate: bool = false;
}

fn shape(_op: &Gelu, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
