//! SHAPE: the dimensions of a tensor, as a list of integers.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::error::Refusal;
use crate::{Shape, TensorType};

operator! {
    /// SHAPE: the dimensions of a tensor.
    ShapeOf = Shape, options (55, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
    /// The type of the output: int32 or int64. The output tensor tells it as well; it is believed.
    0 out_type: TensorType = TensorType::Float32;
}

fn shape(_op: &ShapeOf, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    fits(Shape::from_dims([node.input(0)?.rank() as u32]))
}
