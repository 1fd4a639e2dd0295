//! SPLIT_V: a tensor cut along one dimension into parts of given sizes.
//!
//! Input 0 is the tensor, input 1 (int32 or int64) holds the parts' sizes, one of which may be -1 and
//! takes what is left, input 2 (int32, one element) the dimension; a negative one counts from the end.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// SPLIT_V: a tensor cut along one dimension into parts of given sizes.
    ///
    /// At most 256 outputs, as many as a [`Slot`](crate::Slot) can tell apart.
    SplitV = SplitV, options (79, 0), inputs (3, 3), outputs (1, 256),
    quantization QuantizationRule::AllSame;
    /// The number of parts. The list of outputs tells it as well; it is believed.
    0 num_splits: i32 = 0;
}

impl SplitV {
    /// The dimension that is cut.
    ///
    /// # Errors
    /// Where there is no such dimension, or it is not known yet.
    pub fn axis(&self, node: &dyn Node) -> Result<usize, Refusal> {
        node.axis(2, 0, &node.input(0)?)
    }
}

fn shape(op: &SplitV, node: &dyn Node, output: usize) -> Result<Shape, Refusal> {
    let input = node.input(0)?;
    let axis = op.axis(node)?;
    let slot = Slot::Input(1);
    if node.input(1)?.elements() != node.outputs() {
        return Err(Refusal::Shape(slot));
    }
    let (mut known, mut open) = (0u64, 0);
    for k in 0..node.outputs() {
        match u32::try_from(node.int(1, k)?) {
            Ok(size) => known = known.saturating_add(size.into()),
            Err(_) if node.int(1, k)? == -1 => open += 1,
            Err(_) => return Err(Refusal::Value(slot)),
        }
    }
    let left = (input.dim(axis) as u64).checked_sub(known).ok_or(Refusal::Value(slot))?;
    if open > 1 || (open == 0 && left != 0) {
        return Err(Refusal::Value(slot));
    }
    let size = match node.int(1, output)? {
        -1 => left as u32,
        size => size as u32,
    };
    fits(input.with(axis, size))
}
