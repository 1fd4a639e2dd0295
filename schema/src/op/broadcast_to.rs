//! BROADCAST_TO: a tensor repeated along its dimensions of 1, to a given shape.
//!
//! Input 1 (int32 or int64) holds the shape; the tensor's dimensions are aligned at its innermost.

use super::node::listed_shape;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// BROADCAST_TO: a tensor repeated along its dimensions of 1, to a given shape.
    BroadcastTo = BroadcastTo, options (104, 0), inputs (2, 2),
    quantization QuantizationRule::SameAsInput;
}

fn shape(_op: &BroadcastTo, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let shape = listed_shape(node, 1)?;
    match node.input(0)?.broadcast(&shape) {
        Some(both) if both == shape => Ok(shape),
        _ => Err(Refusal::Value(Slot::Input(1))),
    }
}
