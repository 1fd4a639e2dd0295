//! UNPACK: a tensor cut along one dimension into tensors without that dimension.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// UNPACK: a tensor cut along one dimension into tensors without that dimension.
    ///
    /// At most 256 outputs, as many as a [`Slot`](crate::Slot) can tell apart.
    Unpack = Unpack, options (64, 0), inputs (1, 1), outputs (0, 256),
    quantization QuantizationRule::AllSame;
    /// The number of outputs. Their list tells it as well; it is believed.
    0 num: i32 = 0;
    /// The dimension; a negative one counts from the end.
    1 axis: i32 = 0;
}

fn shape(op: &Unpack, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let input = node.input(0)?;
    let axis = input.axis(op.axis.into()).ok_or(Refusal::Parameter("axis"))?;
    if node.outputs() != input.dim(axis) {
        return Err(Refusal::Outputs(node.outputs() as u32));
    }
    let dims = input.dims().iter().enumerate().filter(|&(i, _)| i != axis);
    fits(Shape::from_dims(dims.map(|(_, &dim)| dim)))
}
