//! RIGHT_SHIFT: `out = a >> b`, keeping the sign, counts clamped to the bits of the type, with broadcasting.

use super::node::broadcast;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// RIGHT_SHIFT: `out = a >> b`, keeping the sign, counts clamped to the bits of the type, with broadcasting.
    RightShift = RightShift, options (126, 0), inputs (2, 2),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &RightShift, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
