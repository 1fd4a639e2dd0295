//! ABS: `out = |x|`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// ABS: `out = |x|`, element by element.
    Abs = Abs, options (78, 0), inputs (1, 1),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &Abs, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
