//! ATAN2: the angle of the point `(b, a)`, with broadcasting.

use super::node::broadcast;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// ATAN2: the angle of the point `(b, a)`, with broadcasting.
    Atan2 = Atan2, options (122, 0), inputs (2, 2),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &Atan2, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    broadcast(node)
}
