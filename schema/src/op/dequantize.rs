//! DEQUANTIZE: turns quantized values (or float16) into float32: `out = scale * (x - zero_point)`.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// DEQUANTIZE: turns quantized values (or float16) into float32.
    Dequantize = Dequantize, options (38, 0), inputs (1, 1),
    quantization QuantizationRule::Border;
}

fn shape(_op: &Dequantize, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
