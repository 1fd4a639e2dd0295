//! L2_NORMALIZATION: `out = x / sqrt(sum of x^2)` along the last dimension.

use super::{Activation, Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// L2_NORMALIZATION: `out = x / sqrt(sum of x^2)` along the last dimension.
    L2Normalization = L2Normalization, options (12, 0), inputs (1, 1),
    quantization QuantizationRule::Fixed { scale: 1.0 / 128.0, zero_point: 0 };
    /// Applied to the result; only none is supported.
    0 activation: Activation = Activation::None;
}

fn shape(op: &L2Normalization, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    if op.activation != Activation::None {
        return Err(Refusal::Parameter("fused_activation_function"));
    }
    node.input(0)
}
