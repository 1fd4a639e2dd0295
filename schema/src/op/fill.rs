//! FILL: a tensor of one value.
//!
//! Input 0 (int32 or int64) holds the output's dimensions, input 1 the value: one element.

use super::node::listed_shape;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// FILL: a tensor of one value.
    Fill = Fill, options (68, 0), inputs (2, 2),
    quantization QuantizationRule::AllSame;
}

fn shape(_op: &Fill, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    if node.input(1)?.elements() != 1 {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    listed_shape(node, 0)
}
