//! MAXIMUM: the larger of each two elements of two tensors, with broadcasting.

use super::node::broadcast;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// MAXIMUM: the larger of each two elements of two tensors, with broadcasting.
    Maximum = Maximum, options (39, 0), inputs (2, 2),
    quantization QuantizationRule::AllSame;
}

fn shape(_op: &Maximum, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
