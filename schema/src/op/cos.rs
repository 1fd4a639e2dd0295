//! COS: `out = cos(x)`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// COS: `out = cos(x)`, element by element.
    Cos = Cos, options (84, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &Cos, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
