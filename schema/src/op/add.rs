//! ADD: the element-wise sum of two tensors, `out = activation(a + b)`, with broadcasting.

use super::node::broadcast;
use super::{Activation, Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// ADD: the element-wise sum of two tensors.
    Add = Add, options (11, 0), inputs (2, 2),
    quantization QuantizationRule::Calibrated;
    /// Applied to the result.
    0 activation: Activation = Activation::None;
    /// Whether int16 operands with power-of-two scales are added without rescaling to a common
    /// scale.
    1 pot_scale_int16: bool = true;
}

fn shape(_op: &Add, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
