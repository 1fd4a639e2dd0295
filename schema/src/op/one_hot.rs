//! ONE_HOT: a new dimension with one value where an index says, and another elsewhere.
//!
//! Input 0 (int32 or int64) holds the indices, input 1 the new dimension's size, inputs 2 and 3 the value
//! at the index and the value elsewhere. An index out of range has that value everywhere.

use super::expand_dims::expanded;
use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// ONE_HOT: a new dimension with one value where an index says, and another elsewhere.
    OneHot = OneHot, options (61, 0), inputs (4, 4),
    quantization QuantizationRule::AllSame;
    /// The new dimension's place in the output; a negative one counts from the end.
    0 axis: i32 = 0;
}

fn shape(op: &OneHot, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    for input in 1..4 {
        if node.input(input)?.elements() != 1 {
            return Err(Refusal::Shape(Slot::Input(input as u8)));
        }
    }
    let depth = u32::try_from(node.int(1, 0)?).map_err(|_| Refusal::Value(Slot::Input(1)))?;
    fits(expanded(&node.input(0)?, op.axis.into(), depth, Refusal::Parameter("axis"))?)
}
