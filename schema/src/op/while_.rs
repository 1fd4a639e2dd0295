//! WHILE: a subgraph that runs as long as another says yes.
//!
//! The inputs are the first values of the loop's variables; the outputs are their last ones, of the same
//! types and shapes. Both subgraphs take all of them; the condition gives one bool, the body the next
//! values.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// WHILE: a subgraph that runs as long as another says yes.
    While = While, options (93, 0), inputs (0, 255), outputs (0, 255),
    quantization QuantizationRule::Integers;
    /// The subgraph that says whether the body runs.
    0 cond_subgraph: i32 = 0;
    /// The subgraph that gives the next values.
    1 body_subgraph: i32 = 0;
}

fn shape(_op: &While, node: &dyn Node, output: usize) -> Result<Shape, Refusal> {
    if node.inputs() != node.outputs() {
        return Err(Refusal::Outputs(node.outputs() as u32));
    }
    node.input(output)
}
