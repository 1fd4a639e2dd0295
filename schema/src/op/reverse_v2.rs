//! REVERSE_V2: some dimensions from the last index to the first.
//!
//! Input 1 (int32 or int64) holds the axes; negative ones count from the end.

use super::{Node, NodeExt as _, QuantizationRule, reduced_axes};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// REVERSE_V2: some dimensions from the last index to the first.
    ReverseV2 = ReverseV2, options (81, 0), inputs (2, 2),
    quantization QuantizationRule::SameAsInput;
}

fn shape(_op: &ReverseV2, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    reduced_axes(node)?;
    node.input(0)
}
