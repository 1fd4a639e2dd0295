//! SPLIT: a tensor cut along one dimension into equal parts.
//!
//! Input 0 (int32, one element) holds the dimension, a negative one counts from the end; input 1 is
//! the tensor.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// SPLIT: a tensor cut along one dimension into equal parts.
    ///
    /// At most 256 outputs, as many as a [`Slot`](crate::Slot) can tell apart.
    Split = Split, options (35, 0), inputs (2, 2), outputs (1, 256),
    quantization QuantizationRule::AllSame;
    /// The number of parts. The list of outputs tells it as well; it is believed.
    0 num_splits: i32 = 0;
}

impl Split {
    /// The dimension that is cut.
    ///
    /// # Errors
    /// Where there is no such dimension, or it is not known yet.
    pub fn axis(&self, node: &dyn Node) -> Result<usize, Refusal> {
        node.axis(0, 0, &node.input(1)?)
    }
}

fn shape(op: &Split, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let input = node.input(1)?;
    let axis = op.axis(node)?;
    let (size, parts) = (input.dim(axis), node.outputs());
    if parts == 0 || size % parts != 0 {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    fits(input.with(axis, (size / parts) as u32))
}
