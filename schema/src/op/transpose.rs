//! TRANSPOSE: dimensions in another order, `out.shape[i] = in.shape[permutation[i]]`.
//!
//! Input 1 (int32) holds the permutation; negative entries count from the end.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::error::{Refusal, Slot};
use crate::{MAX_RANK, Shape};

operator! {
    /// TRANSPOSE: dimensions in another order.
    Transpose = Transpose, options (26, 0), inputs (2, 2),
    quantization QuantizationRule::SameAsInput;
}

fn shape(_op: &Transpose, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let input = node.input(0)?;
    let order = permutation(node)?;
    fits(Shape::from_dims(order.iter().take(input.rank()).map(|&axis| input.dim(axis) as u32)))
}

/// The input's dimension that each dimension of the output comes from.
///
/// # Errors
/// Where input 1 is no permutation of the dimensions, or not known yet.
pub fn permutation(node: &dyn Node) -> Result<[usize; MAX_RANK], Refusal> {
    let slot = Slot::Input(1);
    let input = node.input(0)?;
    if node.input(1)?.elements() != input.rank() {
        return Err(Refusal::Shape(slot));
    }
    let mut order = [0; MAX_RANK];
    let mut seen = [false; MAX_RANK];
    for (k, to) in order.iter_mut().take(input.rank()).enumerate() {
        let axis = node.axis(1, k, &input)?;
        let seen = seen.get_mut(axis).ok_or(Refusal::Value(slot))?;
        if core::mem::replace(seen, true) {
            return Err(Refusal::Value(slot));
        }
        *to = axis;
    }
    Ok(order)
}
