//! REDUCE_ANY: whether any element over some dimensions holds. Axes and dimensions are as in MEAN.

use super::mean::reduced_shape;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// REDUCE_ANY: whether any element over some dimensions holds.
    ReduceAny = ReduceAny, options (27, 0), inputs (2, 2),
    quantization QuantizationRule::Integers;
    /// Whether reduced dimensions stay, as 1.
    0 keep_dims: bool = false;
}

fn shape(op: &ReduceAny, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    reduced_shape(node, op.keep_dims)
}
