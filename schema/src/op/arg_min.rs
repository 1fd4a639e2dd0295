//! ARG_MIN: where the smallest element along one dimension stands. Axis and dimensions are as in ARG_MAX.

use super::arg_max::shape_without_axis;
use super::{Node, QuantizationRule};
use crate::error::Refusal;
use crate::{Shape, TensorType};

operator! {
    /// ARG_MIN: where the smallest element along one dimension stands.
    ArgMin = ArgMin, options (57, 0), inputs (2, 2),
    quantization QuantizationRule::Calibrated;
    /// The type of the output: int32 or int64. The output tensor tells it as well; it is believed.
    0 output_type: TensorType = TensorType::Float32;
}

fn shape(_op: &ArgMin, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    shape_without_axis(node)
}
