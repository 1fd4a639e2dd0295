//! MINIMUM: the smaller of each two elements of two tensors, with broadcasting.

use super::node::broadcast;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// MINIMUM: the smaller of each two elements of two tensors, with broadcasting.
    Minimum = Minimum, options (39, 0), inputs (2, 2),
    quantization QuantizationRule::AllSame;
}

fn shape(_op: &Minimum, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
