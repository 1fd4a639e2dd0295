//! CONCATENATION: tensors one after the other along one dimension.

use super::node::fits;
use super::{Activation, Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// CONCATENATION: tensors one after the other along one dimension; at most 256, as many as a
    /// [`Slot`] can tell apart.
    Concatenation = Concatenation, options (10, 0), inputs (1, 256),
    quantization QuantizationRule::AllSame;
    /// The dimension; a negative one counts from the end.
    0 axis: i32 = 0;
    /// Applied to the result; only none is supported.
    1 activation: Activation = Activation::None;
}

fn shape(op: &Concatenation, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    if op.activation != Activation::None {
        return Err(Refusal::Parameter("fused_activation_function"));
    }
    let first = node.input(0)?;
    let axis = first.axis(op.axis.into()).ok_or(Refusal::Parameter("axis"))?;
    let mut length = 0u32;
    for i in 0..node.inputs() {
        let input = node.input(i)?;
        let same = input.rank() == first.rank()
            && (0..first.rank()).all(|a| a == axis || input.dim(a) == first.dim(a));
        if !same {
            return Err(Refusal::Shape(Slot::Input(i as u8)));
        }
        length = length.checked_add(input.dim(axis) as u32).ok_or(Refusal::TooLarge)?;
    }
    fits(first.with(axis, length))
}
