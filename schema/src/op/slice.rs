//! SLICE: a block of a tensor.
//!
//! Input 1 holds the block's first index in each dimension, input 2 its size (both int32 or int64);
//! a size of -1 reaches to the end.

use super::node::fits;
use super::{Cut, Node, NodeExt as _, QuantizationRule};
use crate::error::{Refusal, Slot};
use crate::{MAX_RANK, Shape};

operator! {
    /// SLICE: a block of a tensor.
    Slice = Slice, options (48, 0), inputs (3, 3),
    quantization QuantizationRule::SameAsInput;
}

impl Slice {
    /// The block's extent in each dimension.
    ///
    /// # Errors
    /// Where it does not lie within the tensor, or is not known yet.
    pub fn cuts(&self, node: &dyn Node) -> Result<[Cut; MAX_RANK], Refusal> {
        let input = node.input(0)?;
        for i in [1, 2] {
            if node.input(i)?.elements() != input.rank() {
                return Err(Refusal::Shape(Slot::Input(i as u8)));
            }
        }
        let mut cuts = [Cut::ONE; MAX_RANK];
        for (axis, (cut, &dim)) in cuts.iter_mut().zip(input.dims()).enumerate() {
            let (begin, size) = (node.int(1, axis)?, node.int(2, axis)?);
            let rest = i64::from(dim).checked_sub(begin).filter(|_| begin >= 0);
            let rest = rest.filter(|&rest| rest >= 0).ok_or(Refusal::Value(Slot::Input(1)))?;
            let size = if size == -1 { rest } else { size };
            if !(0..=rest).contains(&size) {
                return Err(Refusal::Value(Slot::Input(2)));
            }
            *cut = Cut { start: begin as u32, step: 1, count: size as u32 };
        }
        Ok(cuts)
    }
}

fn shape(op: &Slice, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let rank = node.input(0)?.rank();
    fits(Shape::from_dims(op.cuts(node)?.iter().take(rank).map(|cut| cut.count)))
}
