//! LOCAL_RESPONSE_NORMALIZATION: each channel by the channels around it.
//!
//! `out[c] = x[c] / (bias + alpha * sum of x[i]^2 for i from c - radius to c + radius)^beta`, over the
//! channels that there are: the last of four dimensions.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// LOCAL_RESPONSE_NORMALIZATION: each channel by the channels around it.
    LocalResponseNormalization = LocalResponseNormalization, options (13, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
    /// Channels on each side that count.
    0 radius: i32 = 0;
    /// Keeps the divisor from being 0.
    1 bias: f32 = 0.0;
    /// The factor of the squares' sum.
    2 alpha: f32 = 0.0;
    /// The exponent.
    3 beta: f32 = 0.0;
}

fn shape(_op: &LocalResponseNormalization, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input_of_rank(0, 4)
}
