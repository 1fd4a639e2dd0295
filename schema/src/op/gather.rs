//! GATHER: the parts of a tensor that a list of indices along one dimension names.
//!
//! Input 0 is the tensor, input 1 (int16, int32 or int64) holds the indices. The output's dimensions
//! are those of the tensor with the dimension in question replaced by those of the indices, the
//! `batch_dims` first of which both have in common.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// GATHER: the parts of a tensor that a list of indices along one dimension names.
    Gather = Gather, options (23, 0), inputs (2, 2),
    quantization QuantizationRule::SameAsInput;
    /// The dimension; a negative one counts from the end.
    0 axis: i32 = 0;
    /// The leading dimensions that tensor and indices have in common.
    1 batch_dims: i32 = 0;
}

impl Gather {
    /// The dimension, and the number of dimensions in common.
    ///
    /// # Errors
    /// Where there are no such dimensions, or they are not alike.
    pub fn axes(&self, input: &Shape, indices: &Shape) -> Result<(usize, usize), Refusal> {
        let axis = input.axis(self.axis.into()).ok_or(Refusal::Parameter("axis"))?;
        let common = i64::from(self.batch_dims);
        let common = if common < 0 { common + indices.rank() as i64 } else { common };
        let common = usize::try_from(common).map_err(|_| Refusal::Parameter("batch_dims"))?;
        if common > axis || common > indices.rank() {
            return Err(Refusal::Parameter("batch_dims"));
        }
        if (0..common).any(|d| input.dim(d) != indices.dim(d)) {
            return Err(Refusal::Shape(Slot::Input(1)));
        }
        Ok((axis, common))
    }
}

fn shape(op: &Gather, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let (input, indices) = (node.input(0)?, node.input(1)?);
    let (axis, common) = op.axes(&input, &indices)?;
    let before = input.dims().iter().take(axis);
    let after = input.dims().iter().skip(axis + 1);
    fits(Shape::from_dims(before.chain(indices.dims().iter().skip(common)).chain(after).copied()))
}
