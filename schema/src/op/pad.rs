//! PAD: cells around a tensor, of real value 0.
//!
//! Input 1 (int32 or int64) has shape `[rank, 2]`: for each dimension the cells before and after.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// PAD: cells around a tensor, of real value 0.
    Pad = Pad, options (22, 0), inputs (2, 2),
    quantization QuantizationRule::SameAsInput;
}

fn shape(_op: &Pad, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    padded_shape(node)
}

/// The cells before and after dimension `axis`.
///
/// # Errors
/// Where they are negative or not known yet.
pub fn padding_of(node: &dyn Node, axis: usize) -> Result<(u32, u32), Refusal> {
    let cell = |k| u32::try_from(node.int(1, k)?).map_err(|_| Refusal::Value(Slot::Input(1)));
    Ok((cell(2 * axis)?, cell(2 * axis + 1)?))
}

/// The shape of input 0 with the padding in input 1 around it.
pub(super) fn padded_shape(node: &dyn Node) -> Result<Shape, Refusal> {
    let input = node.input(0)?;
    let paddings = node.input(1)?;
    if paddings.elements() != 2 * input.rank() {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    let mut out = input;
    for (axis, &dim) in input.dims().iter().enumerate() {
        let (before, after) = padding_of(node, axis)?;
        let dim = dim.checked_add(before).and_then(|d| d.checked_add(after)).ok_or(Refusal::TooLarge)?;
        out = fits(out.with(axis, dim))?;
    }
    Ok(out)
}
