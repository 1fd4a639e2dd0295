//! TOPK_V2: the largest elements of each row, and where they are.
//!
//! Input 1 (int16 or int32, one element) holds how many. Output 0 has them in descending order, output 1 their indices
//! in the row; of equal elements the first comes first.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// TOPK_V2: the largest elements of each row, and where they are.
    TopkV2 = TopkV2, options (34, 0), inputs (2, 2), outputs (2, 2),
    quantization QuantizationRule::SameAsInput;
}

fn shape(_op: &TopkV2, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let input = node.input(0)?;
    let axis = input.rank().checked_sub(1).ok_or(Refusal::Shape(Slot::Input(0)))?;
    if node.input(1)?.elements() != 1 {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    let count = u32::try_from(node.int(1, 0)?).ok().filter(|&count| count as usize <= input.last());
    fits(input.with(axis, count.ok_or(Refusal::Value(Slot::Input(1)))?))
}
