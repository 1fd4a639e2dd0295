//! ADD_N: the sum of tensors of one shape, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// ADD_N: the sum of at least two tensors of one shape; at most 256, as many as a [`Slot`] can tell apart.
    AddN = AddN, options (82, 0), inputs (2, 256),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &AddN, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let first = node.input(0)?;
    for i in 1..node.inputs() {
        if node.input(i)? != first {
            return Err(Refusal::Shape(Slot::Input(i as u8)));
        }
    }
    Ok(first)
}
