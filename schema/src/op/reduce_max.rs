//! REDUCE_MAX: the largest value over some dimensions. Axes and dimensions are as in MEAN.

use super::mean::reduced_shape;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// REDUCE_MAX: the largest value over some dimensions.
    ReduceMax = ReduceMax, options (27, 0), inputs (2, 2),
    quantization QuantizationRule::SameAsInput;
    /// Whether reduced dimensions stay, as 1.
    0 keep_dims: bool = false;
}

fn shape(op: &ReduceMax, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    reduced_shape(node, op.keep_dims)
}
