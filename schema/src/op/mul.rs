//! MUL: the element-wise product of two tensors, `out = activation(a * b)`, with broadcasting.

use super::node::broadcast;
use super::{Activation, Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// MUL: the element-wise product of two tensors.
    Mul = Mul, options (21, 0), inputs (2, 2),
    quantization QuantizationRule::Calibrated;
    /// Applied to the result.
    0 activation: Activation = Activation::None;
}

fn shape(_op: &Mul, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
