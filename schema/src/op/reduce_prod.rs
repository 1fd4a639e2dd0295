//! REDUCE_PROD: the product over some dimensions. Axes and dimensions are as in MEAN.

use super::mean::reduced_shape;
use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// REDUCE_PROD: the product over some dimensions.
    ReduceProd = ReduceProd, options (27, 0), inputs (2, 2),
    quantization QuantizationRule::Calibrated;
    /// Whether reduced dimensions stay, as 1.
    0 keep_dims: bool = false;
}

fn shape(op: &ReduceProd, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    reduced_shape(node, op.keep_dims)
}
