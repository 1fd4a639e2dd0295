//! BITWISE_XOR: `out = a ^ b`, bit by bit, with broadcasting.

use super::node::broadcast;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// BITWISE_XOR: `out = a ^ b`, bit by bit, with broadcasting.
    BitwiseXor = BitwiseXor, options (125, 0), inputs (2, 2),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &BitwiseXor, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
