//! REAL: the real parts of complex numbers, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// REAL: the real parts of complex numbers.
    Real = Real, options (0, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &Real, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
