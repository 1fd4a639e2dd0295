//! EXP: `out = exp(x)`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// EXP: `out = exp(x)`, element by element.
    Exp = Exp, options (33, 0), inputs (1, 1),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &Exp, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
