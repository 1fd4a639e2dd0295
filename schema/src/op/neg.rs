//! NEG: `out = -x`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// NEG: `out = -x`, element by element.
    Neg = Neg, options (42, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &Neg, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
