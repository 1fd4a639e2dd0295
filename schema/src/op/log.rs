//! LOG: the natural logarithm, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// LOG: the natural logarithm, element by element.
    Log = Log, options (0, 0), inputs (1, 1),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &Log, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
