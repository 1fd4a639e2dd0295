//! IF: one of two subgraphs.
//!
//! Input 0 (bool, one element) chooses; the inputs after it go to the subgraph that runs, whose outputs
//! are the operator's. Their shapes are the subgraph's affair; here they are what the file declares.

use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// IF: one of two subgraphs.
    If = If, options (92, 0), inputs (1, 255), outputs (0, 255),
    quantization QuantizationRule::Integers;
    /// The subgraph that runs where the condition is true.
    0 then_subgraph: i32 = 0;
    /// The subgraph that runs where it is false.
    1 else_subgraph: i32 = 0;
}

fn shape(_op: &If, node: &dyn Node, output: usize) -> Result<Shape, Refusal> {
    node.shape(Slot::Output(output as u8))
}
