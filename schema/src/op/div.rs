//! DIV: `out = activation(a / b)`, with broadcasting.

use super::node::broadcast;
use super::{Activation, Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// DIV: `out = activation(a / b)`, with broadcasting.
    Div = Div, options (29, 0), inputs (2, 2),
    quantization QuantizationRule::Calibrated;
    /// Applied to the result.
    0 activation: Activation = Activation::None;
}

fn shape(_op: &Div, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
