//! SQUEEZE: dimensions of size 1 dropped; the elements stay as they are.

use super::node::fits;
use super::{IntList, Node, NodeExt as _, QuantizationRule};
use crate::error::{Refusal, Slot};
use crate::{MAX_RANK, Shape};

operator! {
    /// SQUEEZE: dimensions of size 1 dropped.
    Squeeze = Squeeze, options (30, 0), inputs (1, 1),
    quantization QuantizationRule::SameAsInput;
    /// The dimensions to drop, negative ones counted from the end; all of size 1 where empty.
    0 squeeze_dims: IntList = IntList::default();
}

fn shape(op: &Squeeze, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let input = node.input(0)?;
    let named = op.squeeze_dims.as_slice();
    let mut dropped = [false; MAX_RANK];
    if named.is_empty() {
        dropped.iter_mut().zip(input.dims()).for_each(|(dropped, &dim)| *dropped = dim == 1);
    }
    for &axis in named {
        let axis = input.axis(axis.into()).ok_or(Refusal::Parameter("squeeze_dims"))?;
        if input.dim(axis) != 1 {
            return Err(Refusal::Shape(Slot::Input(0)));
        }
        *dropped.get_mut(axis).ok_or(Refusal::Internal)? = true;
    }
    let kept = input.dims().iter().zip(dropped).filter(|(_, dropped)| !dropped);
    fits(Shape::from_dims(kept.map(|(&dim, _)| dim)))
}
