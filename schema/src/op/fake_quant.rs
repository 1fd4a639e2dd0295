//! FAKE_QUANT: each number rounded to the nearest of the `2^num_bits` steps of an interval.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// FAKE_QUANT: each number rounded to the nearest of the `2^num_bits` steps of an interval.
    FakeQuant = FakeQuant, options (58, 0), inputs (1, 1),
    quantization QuantizationRule::Integers;
    /// The interval's lower end; moved so that 0 is a step.
    0 min: f32 = 0.0;
    /// The interval's upper end; moved likewise.
    1 max: f32 = 0.0;
    /// Bits of a step's number.
    2 num_bits: i32 = 0;
    /// Whether the lowest step is left out; not supported, as in LiteRT.
    3 narrow_range: bool = false;
}

fn shape(_op: &FakeQuant, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.input(0)
}
