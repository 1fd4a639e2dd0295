//! SQRT: `out = sqrt(x)`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// SQRT: `out = sqrt(x)`, element by element.
    Sqrt = Sqrt, options (0, 0), inputs (1, 1),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &Sqrt, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
