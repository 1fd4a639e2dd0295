//! BROADCAST_ARGS: the shape that two shapes broadcast to.
//!
//! Inputs 0 and 1 (int32 or int64) list dimensions, aligned at the innermost.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// BROADCAST_ARGS: the shape that two shapes broadcast to.
    BroadcastArgs = BroadcastArgs, options (0, 0), inputs (2, 2),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &BroadcastArgs, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let (a, b) = (node.input_of_rank(0, 1)?, node.input_of_rank(1, 1)?);
    fits(Shape::new(&[a.dim(0).max(b.dim(0)) as u32]))
}
