//! POW: `out = a ^ b`, with broadcasting.

use super::node::broadcast;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// POW: `out = a ^ b`, with broadcasting.
    Pow = Pow, options (56, 0), inputs (2, 2),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &Pow, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
