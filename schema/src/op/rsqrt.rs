//! RSQRT: `out = 1 / sqrt(x)`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// RSQRT: `out = 1 / sqrt(x)`, element by element.
    Rsqrt = Rsqrt, options (0, 0), inputs (1, 1),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &Rsqrt, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
