//! READ_VARIABLE: the value of a variable. Input 0 is its handle (see VAR_HANDLE).
//!
//! The output's shape is that of the value that is assigned somewhere else; here it is what the file
//! declares.

use super::{Node, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// READ_VARIABLE: the value of a variable.
    ReadVariable = ReadVariable, options (112, 0), inputs (1, 1),
    quantization QuantizationRule::SameAsInput;
}

fn shape(_op: &ReadVariable, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    node.shape(Slot::Output(0))
}
