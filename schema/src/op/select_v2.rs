//! SELECT_V2: elements of one tensor where a condition holds, of another elsewhere, with broadcasting.
//!
//! Input 0 is the condition (bool), inputs 1 and 2 are the tensors.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// SELECT_V2: elements of input 1 where the condition holds, of input 2 elsewhere, with broadcasting.
    SelectV2 = SelectV2, options (98, 0), inputs (3, 3),
    quantization QuantizationRule::AllSame;
}

fn shape(_op: &SelectV2, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let tensors = node.input(1)?.broadcast(&node.input(2)?).ok_or(Refusal::Shape(Slot::Input(2)))?;
    node.input(0)?.broadcast(&tensors).ok_or(Refusal::Shape(Slot::Input(0)))
}
