//! LOG_SOFTMAX: `out = x - log(sum of exp(x))` along the last dimension.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// LOG_SOFTMAX: `out = x - log(sum of exp(x))` along the last dimension.
    LogSoftmax = LogSoftmax, options (36, 0), inputs (1, 1),
    quantization QuantizationRule::Fixed { scale: 16.0 / 256.0, zero_point: 127 };
}

fn shape(_op: &LogSoftmax, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
