//! BATCH_TO_SPACE_ND: images put together from blocks that lie in batches; the inverse of
//! SPACE_TO_BATCH_ND.
//!
//! Input 0 is `[blocks * batch, spatial..., rest...]`, input 1 (int32 or int64) holds the block's size in
//! each spatial dimension, input 2 (`[spatial, 2]`) the cells that are cut off before and after.

use super::node::fits;
use super::{Blocks, Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// BATCH_TO_SPACE_ND: images put together from blocks that lie in batches.
    BatchToSpaceNd = BatchToSpaceNd, options (24, 0), inputs (3, 3),
    quantization QuantizationRule::SameAsInput;
}

fn shape(_op: &BatchToSpaceNd, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let mut out = node.input(0)?;
    let (blocks, spatial) = Blocks::of(node)?;
    for blocks in blocks.iter().take(spatial) {
        let batch = out.dim(0) as u32;
        if !batch.is_multiple_of(blocks.size) {
            return Err(Refusal::Shape(Slot::Input(0)));
        }
        out = fits(out.with(0, batch / blocks.size.max(1)))?;
    }
    for (axis, blocks) in (1..).zip(blocks.iter().take(spatial)) {
        let (before, after) = blocks.around;
        let dim = (out.dim(axis) as u32).checked_mul(blocks.size).ok_or(Refusal::TooLarge)?;
        let dim = dim.checked_sub(before).and_then(|dim| dim.checked_sub(after));
        out = fits(out.with(axis, dim.ok_or(Refusal::Value(Slot::Input(2)))?))?;
    }
    Ok(out)
}
