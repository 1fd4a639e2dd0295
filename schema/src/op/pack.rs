//! PACK: tensors of one shape, stacked along a new dimension.

use super::expand_dims::expanded;
use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// PACK: tensors of one shape, stacked along a new dimension.
    ///
    /// At most 256 inputs, as many as a [`Slot`](crate::Slot) can tell apart.
    Pack = Pack, options (59, 0), inputs (1, 256),
    quantization QuantizationRule::AllSame;
    /// The number of inputs. Their list tells it as well; it is believed.
    0 values_count: i32 = 0;
    /// The place of the new dimension in the output; a negative one counts from the end.
    1 axis: i32 = 0;
}

fn shape(op: &Pack, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let first = node.input(0)?;
    for i in 1..node.inputs() {
        if node.input(i)? != first {
            return Err(Refusal::Shape(Slot::Input(i as u8)));
        }
    }
    let count = u32::try_from(node.inputs()).map_err(|_| Refusal::TooLarge)?;
    fits(expanded(&first, op.axis.into(), count, Refusal::Parameter("axis"))?)
}
