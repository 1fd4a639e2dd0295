//! EXPAND_DIMS: a dimension of size 1 more; the elements stay as they are.
//!
//! Input 1 (int32 or int64, one element) holds the place of the new dimension in the output; a
//! negative one counts from the end.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// EXPAND_DIMS: a dimension of size 1 more.
    ExpandDims = ExpandDims, options (52, 0), inputs (2, 2),
    quantization QuantizationRule::SameAsInput;
}

fn shape(_op: &ExpandDims, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    if node.input(1)?.elements() != 1 {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    fits(expanded(&node.input(0)?, node.int(1, 0)?, 1, Refusal::Value(Slot::Input(1)))?)
}

/// `shape` with a dimension more at `axis` of the result; `refusal` where there is no such axis.
pub(super) fn expanded(
    shape: &Shape,
    axis: i64,
    dim: u32,
    refusal: Refusal,
) -> Result<Option<Shape>, Refusal> {
    let rank = shape.rank() as i64 + 1;
    let axis = if axis < 0 { axis + rank } else { axis };
    if !(0..rank).contains(&axis) {
        return Err(refusal);
    }
    let (before, after) = shape.dims().split_at_checked(axis as usize).ok_or(refusal)?;
    Ok(Shape::from_dims(before.iter().copied().chain([dim]).chain(after.iter().copied())))
}
