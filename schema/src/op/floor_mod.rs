//! FLOOR_MOD: `out = a - b * floor(a / b)`, with broadcasting.

use super::node::broadcast;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// FLOOR_MOD: `out = a - b * floor(a / b)`, with broadcasting.
    FloorMod = FloorMod, options (72, 0), inputs (2, 2),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &FloorMod, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
