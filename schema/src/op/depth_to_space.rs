//! DEPTH_TO_SPACE: an image whose blocks are what were channels; the inverse of SPACE_TO_DEPTH.
//!
//! Input 0 is `[batch, rows, columns, b * b * channels]` with the block's size `b`.
//! `out[n, y * b + i, x * b + j, c] = in[n, y, x, (i * b + j) * channels + c]`.

use super::node::fits;
use super::space_to_depth::block_size;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// DEPTH_TO_SPACE: an image whose blocks are what were channels.
    DepthToSpace = DepthToSpace, options (94, 0), inputs (1, 1),
    quantization QuantizationRule::SameAsInput;
    /// Rows and columns of a block; at least 1.
    0 block_size: i32 = 0;
}

fn shape(op: &DepthToSpace, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let input = node.input_of_rank(0, 4)?;
    let block = block_size(op.block_size)?;
    let cells = block.checked_mul(block).ok_or(Refusal::TooLarge)?;
    let [batch, rows, columns, channels] = [0, 1, 2, 3].map(|axis| input.dim(axis) as u32);
    if !channels.is_multiple_of(cells) {
        return Err(Refusal::Shape(Slot::Input(0)));
    }
    let (rows, columns) = (rows.checked_mul(block), columns.checked_mul(block));
    let (rows, columns) = rows.zip(columns).ok_or(Refusal::TooLarge)?;
    fits(Shape::new(&[batch, rows, columns, channels / cells.max(1)]))
}
