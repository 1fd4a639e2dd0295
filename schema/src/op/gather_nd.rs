//! GATHER_ND: the parts of a tensor that a list of index tuples names.
//!
//! Input 0 is the tensor, input 1 (int16, int32 or int64) has shape `[..., n]`: tuples of indices along the
//! tensor's `n` outermost dimensions. The output's dimensions are those of the list, then those of a part.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// GATHER_ND: the parts of a tensor that a list of index tuples names.
    GatherNd = GatherNd, options (83, 0), inputs (2, 2),
    quantization QuantizationRule::SameAsInput;
}

fn shape(_op: &GatherNd, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    fits(tuples_and_part(&node.input(1)?, &node.input(0)?, Refusal::Shape(Slot::Input(1)))?)
}

/// The dimensions of a list of index tuples, then those of a part of `whole` that a tuple names;
/// `refusal` where tuples are longer than the tensor has dimensions.
pub(super) fn tuples_and_part(
    indices: &Shape,
    whole: &Shape,
    refusal: Refusal,
) -> Result<Option<Shape>, Refusal> {
    let (&length, list) = indices.dims().split_last().ok_or(refusal)?;
    let part = whole.dims().get(length as usize..).ok_or(refusal)?;
    Ok(Shape::from_dims(list.iter().chain(part).copied()))
}
