//! PADV2: cells around a tensor, of a given value.
//!
//! Input 1 (int32 or int64) has shape `[rank, 2]`: for each dimension the cells before and after.
//! Input 2 holds the value: one element of the tensor's type.

use super::pad::padded_shape;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// PADV2: cells around a tensor, of a given value.
    PadV2 = Padv2, options (43, 0), inputs (3, 3),
    quantization QuantizationRule::AllSame;
}

fn shape(_op: &PadV2, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    if node.input(2)?.elements() != 1 {
        return Err(Refusal::Shape(Slot::Input(2)));
    }
    padded_shape(node)
}
