//! QUANTIZE: turns real values into quantized ones, or changes scale, zero point or type of quantized ones:
//! `out = clamp(round(x / scale) + zero_point)`, rounding half away from zero.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// QUANTIZE: turns real values into quantized ones.
    Quantize = Quantize, options (89, 0), inputs (1, 1),
    quantization QuantizationRule::Border;
}

fn shape(_op: &Quantize, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
