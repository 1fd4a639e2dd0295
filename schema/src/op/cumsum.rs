//! CUMSUM: sums of all elements so far along one dimension.
//!
//! Input 1 holds the dimension: one int32, negative from the end.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// CUMSUM: sums of all elements so far along one dimension.
    Cumsum = Cumsum, options (102, 0), inputs (2, 2),
    quantization QuantizationRule::Integers;
    /// Whether each sum leaves its own element out.
    0 exclusive: bool = false;
    /// Whether sums go from the end to the start.
    1 reverse: bool = false;
}

fn shape(_op: &Cumsum, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    if node.input(1)?.elements() != 1 {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    node.input(0)
}
