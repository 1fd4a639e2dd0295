//! SPARSE_TO_DENSE: a tensor of one value, with others where a list of index tuples says.
//!
//! Input 0 (int32 or int64) has shape `[n, rank]`: a tuple of indices for each value (`[n]` or a scalar where
//! the output has one dimension), input 1 (int32 or int64) the output's dimensions. Input 2 holds the values,
//! `[n]`, or a scalar for all; input 3 the value elsewhere.

use super::node::listed_shape;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// SPARSE_TO_DENSE: a tensor of one value, with others where a list of index tuples says.
    SparseToDense = SparseToDense, options (50, 0), inputs (4, 4),
    quantization QuantizationRule::Integers;
    /// Whether the list is to be checked for its order. As in LiteRT it makes no difference: indices out of
    /// range are always refused, and of several values for one place the last one counts.
    0 validate_indices: bool = false;
}

fn shape(_op: &SparseToDense, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let (indices, values) = (node.input(0)?, node.input(2)?);
    let dims = node.input_of_rank(1, 1)?.dim(0);
    let (tuples, length) = match *indices.dims() {
        [] => (1, 1),
        [tuples] => (tuples, 1),
        [tuples, length] => (tuples, length as usize),
        _ => return Err(Refusal::Shape(Slot::Input(0))),
    };
    if length != dims {
        return Err(Refusal::Shape(Slot::Input(0)));
    }
    if values.rank() > 1 || (values.rank() == 1 && values.dims() != [tuples]) {
        return Err(Refusal::Shape(Slot::Input(2)));
    }
    if node.input(3)?.elements() != 1 {
        return Err(Refusal::Shape(Slot::Input(3)));
    }
    listed_shape(node, 1)
}
