//! ARG_MAX: where the largest element along one dimension stands.
//!
//! Input 1 holds the dimension: one int32 or int64, negative from the end. The output, int32 or int64,
//! has the input's dimensions without that one.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::error::{Refusal, Slot};
use crate::{Shape, TensorType};

operator! {
    /// ARG_MAX: where the largest element along one dimension stands.
    ArgMax = ArgMax, options (40, 0), inputs (2, 2),
    quantization QuantizationRule::Calibrated;
    /// The type of the output: int32 or int64. The output tensor tells it as well; it is believed.
    0 output_type: TensorType = TensorType::Float32;
}

/// The shape of input 0 without the dimension that input 1 names.
pub(super) fn shape_without_axis(node: &dyn Node) -> Result<Shape, Refusal> {
    let input = node.input(0)?;
    if node.input(1)?.elements() != 1 {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    let axis = node.axis(1, 0, &input)?;
    let others = input.dims().iter().enumerate().filter(|&(d, _)| d != axis);
    fits(Shape::from_dims(others.map(|(_, &dim)| dim)))
}

fn shape(_op: &ArgMax, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    shape_without_axis(node)
}
