//! RESHAPE: the same elements in another shape.
//!
//! The new shape stands in input 1 (int32), or in the parameters where that is absent; one
//! dimension may be -1 and takes what is left.

use super::node::fits;
use super::{IntList, Node, NodeExt as _, QuantizationRule};
use crate::error::{Refusal, Slot};
use crate::{MAX_RANK, Shape};

operator! {
    /// RESHAPE: the same elements in another shape.
    Reshape = Reshape, options (17, 0), inputs (1, 2),
    quantization QuantizationRule::SameAsInput;
    /// The new shape where input 1 does not tell it.
    0 new_shape: IntList = IntList::default();
}

fn shape(op: &Reshape, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let elements = node.input(0)?.elements();
    let mut dims = [0i64; MAX_RANK];
    let slot = Slot::Input(1);
    let rank = if node.has(slot) {
        let rank = node.input(1)?.elements();
        let dims = dims.get_mut(..rank).ok_or(Refusal::Shape(slot))?;
        for (k, dim) in dims.iter_mut().enumerate() {
            *dim = node.int(1, k)?;
        }
        rank
    } else {
        let list = op.new_shape.as_slice();
        dims.iter_mut().zip(list).for_each(|(dim, &v)| *dim = v.into());
        // A lone 0 is how old files write the shape of a scalar.
        if list == [0] { 0 } else { list.len() }
    };
    let dims = dims.get(..rank).unwrap_or_default();
    let mut known = 1u64;
    for &dim in dims.iter().filter(|&&dim| dim != -1) {
        let dim = u32::try_from(dim).map_err(|_| Refusal::Value(slot))?;
        known = known.checked_mul(dim.into()).ok_or(Refusal::TooLarge)?;
    }
    let open = dims.iter().filter(|&&dim| dim == -1).count();
    let rest = (elements as u64).checked_div(known).unwrap_or(0);
    let product = if open == 0 { known } else { known * rest };
    if open > 1 || product != elements as u64 {
        return Err(Refusal::Shape(slot));
    }
    fits(Shape::from_dims(dims.iter().map(|&dim| if dim == -1 { rest as u32 } else { dim as u32 })))
}
