//! ELU: `out = x` where `x > 0`, otherwise `exp(x) - 1`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// ELU: `out = x` where `x > 0`, otherwise `exp(x) - 1`, element by element.
    Elu = Elu, options (0, 0), inputs (1, 1),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &Elu, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
