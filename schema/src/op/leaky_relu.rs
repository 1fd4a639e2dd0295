//! LEAKY_RELU: `out = x` where `x > 0`, otherwise `alpha * x`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// LEAKY_RELU: `out = x` where `x > 0`, otherwise `alpha * x`, element by element.
    LeakyRelu = LeakyRelu, options (75, 0), inputs (1, 1),
    quantization QuantizationRule::Calibrated;
    /// Factor of values that are not positive.
    0 alpha: f32 = 0.0;
}

fn shape(_op: &LeakyRelu, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
