//! CALL_ONCE: a subgraph that runs in the first invocation only, to give variables their first values.

use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// CALL_ONCE: a subgraph that runs in the first invocation only.
    CallOnce = CallOnce, options (103, 0), inputs (0, 0), outputs (0, 0),
    quantization QuantizationRule::Integers;
    /// The subgraph; it has no inputs and no outputs.
    0 init_subgraph: i32 = 0;
}

fn shape(_op: &CallOnce, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    Err(Refusal::Outputs(node.outputs() as u32))
}
