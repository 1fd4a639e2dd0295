//! SPACE_TO_DEPTH: the cells of each block of an image one after the other as channels.
//!
//! Input 0 is `[batch, rows, columns, channels]`; rows and columns must be multiples of the block's size
//! `b`. `out[n, y, x, (i * b + j) * channels + c] = in[n, y * b + i, x * b + j, c]`.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// SPACE_TO_DEPTH: the cells of each block of an image one after the other as channels.
    SpaceToDepth = SpaceToDepth, options (19, 0), inputs (1, 1),
    quantization QuantizationRule::SameAsInput;
    /// Rows and columns of a block; at least 1.
    0 block_size: i32 = 0;
}

fn shape(op: &SpaceToDepth, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let input = node.input_of_rank(0, 4)?;
    let block = block_size(op.block_size)?;
    if !input.dims().iter().skip(1).take(2).all(|dim| dim.is_multiple_of(block)) {
        return Err(Refusal::Shape(Slot::Input(0)));
    }
    let cells = block.checked_mul(block);
    let channels = cells.and_then(|cells| cells.checked_mul(input.dim(3) as u32)).ok_or(Refusal::TooLarge)?;
    let (rows, columns) = (input.dim(1) as u32 / block, input.dim(2) as u32 / block);
    fits(Shape::new(&[input.dim(0) as u32, rows, columns, channels]))
}

/// The block's size, which must be at least 1.
pub(super) fn block_size(size: i32) -> Result<u32, Refusal> {
    u32::try_from(size).ok().filter(|&size| size != 0).ok_or(Refusal::Parameter("block_size"))
}
