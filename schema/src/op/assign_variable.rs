//! ASSIGN_VARIABLE: gives a variable (its handle is input 0) the value of input 1.

use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// ASSIGN_VARIABLE: gives a variable a value.
    AssignVariable = AssignVariable, options (113, 0), inputs (2, 2), outputs (0, 0),
    quantization QuantizationRule::SameAsInput;
}

fn shape(_op: &AssignVariable, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    Err(Refusal::Outputs(node.outputs() as u32))
}
