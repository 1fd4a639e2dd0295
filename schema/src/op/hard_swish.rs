//! HARD_SWISH: `out = x * min(max(x + 3, 0), 6) / 6`, element by element.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// HARD_SWISH: `out = x * min(max(x + 3, 0), 6) / 6`, element by element.
    HardSwish = HardSwish, options (91, 0), inputs (1, 1),
    quantization QuantizationRule::Calibrated;
}

fn shape(_op: &HardSwish, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
