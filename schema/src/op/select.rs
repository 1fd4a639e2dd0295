//! SELECT: elements of one tensor where a condition holds, of another elsewhere.
//!
//! Input 0 is the condition (bool), inputs 1 and 2 are the tensors, of one shape. The condition has
//! that shape too, or is one number, or has as many elements as the tensors' first dimension and stands
//! for all of each row.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::error::{Refusal, Slot};
use crate::{MAX_RANK, Shape};

operator! {
    /// SELECT: elements of input 1 where the condition holds, of input 2 elsewhere.
    Select = Select, options (47, 0), inputs (3, 3),
    quantization QuantizationRule::AllSame;
}

impl Select {
    /// The condition's dimensions beside those of the output: 1 where one element stands for many.
    ///
    /// # Errors
    /// Where the condition does not belong to the tensors.
    pub fn condition(condition: &Shape, tensors: &Shape) -> Result<Shape, Refusal> {
        if condition == tensors {
            return Ok(*condition);
        }
        let dims = [1; MAX_RANK];
        let ones = fits(dims.get(..tensors.rank()).and_then(Shape::new))?;
        match *condition.dims() {
            [] => Ok(ones),
            [rows] if tensors.dims().first() == Some(&rows) => fits(ones.with(0, rows)),
            _ => Err(Refusal::Shape(Slot::Input(0))),
        }
    }
}

fn shape(_op: &Select, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let tensors = node.input(1)?;
    if node.input(2)? != tensors {
        return Err(Refusal::Shape(Slot::Input(2)));
    }
    Select::condition(&node.input(0)?, &tensors)?;
    Ok(tensors)
}
