//! ZEROS_LIKE: a tensor of the same shape and type, all zero.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// ZEROS_LIKE: a tensor of the same shape and type, all zero.
    ZerosLike = ZerosLike, options (67, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &ZerosLike, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
