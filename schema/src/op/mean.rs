//! MEAN: the mean over some dimensions.
//!
//! Input 1 holds the axes (int32; negative ones count from the end; none or an absent list means no
//! reduction). Reduced dimensions become 1 where `keep_dims`, and vanish otherwise.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::error::{Refusal, Slot};
use crate::{MAX_RANK, Shape};

operator! {
    /// MEAN: the mean over some dimensions.
    Mean = Mean, options (27, 0), inputs (2, 2),
    quantization QuantizationRule::Calibrated;
    /// Whether reduced dimensions stay, as 1.
    0 keep_dims: bool = false;
}

fn shape(op: &Mean, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    reduced_shape(node, op.keep_dims)
}

/// Which dimensions of input 0 the axes in input 1 name.
///
/// # Errors
/// Where an axis is out of range, or not known yet.
pub fn reduced_axes(node: &dyn Node) -> Result<[bool; MAX_RANK], Refusal> {
    let input = node.input(0)?;
    let mut reduced = [false; MAX_RANK];
    if input.rank() == 0 {
        return Ok(reduced);
    }
    for k in 0..node.input(1)?.elements() {
        let axis = node.axis(1, k, &input)?;
        *reduced.get_mut(axis).ok_or(Refusal::Value(Slot::Input(1)))? = true;
    }
    Ok(reduced)
}

/// The shape of input 0 reduced over the axes in input 1.
pub(super) fn reduced_shape(node: &dyn Node, keep_dims: bool) -> Result<Shape, Refusal> {
    let input = node.input(0)?;
    let reduced = reduced_axes(node)?;
    let dims = input.dims().iter().zip(reduced);
    fits(Shape::from_dims(dims.filter_map(|(&dim, reduced)| match (reduced, keep_dims) {
        (false, _) => Some(dim),
        (true, true) => Some(1),
        (true, false) => None,
    })))
}
