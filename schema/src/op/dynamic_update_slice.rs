//! DYNAMIC_UPDATE_SLICE: a tensor with a block of it replaced.
//!
//! Input 0 is the tensor, input 1 the block, input 2 (int32 or int64) the block's first index in each
//! dimension, moved where the block would reach over the tensor's ends.

use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// DYNAMIC_UPDATE_SLICE: a tensor with a block of it replaced.
    DynamicUpdateSlice = DynamicUpdateSlice, options (117, 0), inputs (3, 3),
    quantization QuantizationRule::AllSame;
}

fn shape(_op: &DynamicUpdateSlice, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let (whole, block) = (node.input(0)?, node.input(1)?);
    let inside = block.dims().iter().zip(whole.dims()).all(|(part, whole)| part <= whole);
    if block.rank() != whole.rank() || !inside {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    if node.input(2)?.elements() != whole.rank() {
        return Err(Refusal::Shape(Slot::Input(2)));
    }
    Ok(whole)
}
