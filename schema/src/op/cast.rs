//! CAST: values of one type as values of another, without regard to quantization.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::error::Refusal;
use crate::{Shape, TensorType};

operator! {
    /// CAST: values of one type as values of another.
    Cast = Cast, options (37, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
    /// The input's type. The tensors tell both as well; they are believed.
    0 in_data_type: TensorType = TensorType::Float32;
    /// The output's type.
    1 out_data_type: TensorType = TensorType::Float32;
}

fn shape(_op: &Cast, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
