//! SPACE_TO_BATCH_ND: blocks of an image dealt out to batches.
//!
//! Input 0 is `[batch, spatial..., rest...]`, input 1 (int32 or int64) holds the block's size in each
//! spatial dimension, input 2 (`[spatial, 2]`) the cells of real value 0 that come before and after.
//! `out[(b_1 * B_2 + b_2) * batch + n, i_1, i_2, ...] = padded[n, i_1 * B_1 + b_1, i_2 * B_2 + b_2, ...]`.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::error::{Refusal, Slot};
use crate::{MAX_RANK, Shape};

operator! {
    /// SPACE_TO_BATCH_ND: blocks of an image dealt out to batches.
    SpaceToBatchNd = SpaceToBatchNd, options (25, 0), inputs (3, 3),
    quantization QuantizationRule::SameAsInput;
}

/// A spatial dimension that SPACE_TO_BATCH_ND cuts into blocks, or BATCH_TO_SPACE_ND puts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// Cells of a block; at least 1.
    pub size: u32,
    /// Cells that the blocks have before the image's first, and after its last.
    pub around: (u32, u32),
}

impl Blocks {
    /// The blocks of each spatial dimension: the first `n` entries, for dimensions 1 to `n` of input 0.
    ///
    /// # Errors
    /// Where inputs 1 and 2 do not fit input 0, or are not known yet.
    pub fn of(node: &dyn Node) -> Result<([Self; MAX_RANK], usize), Refusal> {
        let spatial = node.input(1)?.elements();
        if spatial >= node.input(0)?.rank() {
            return Err(Refusal::Shape(Slot::Input(1)));
        }
        if node.input(2)?.elements() != 2 * spatial {
            return Err(Refusal::Shape(Slot::Input(2)));
        }
        let number = |input: usize, k| {
            u32::try_from(node.int(input, k)?).map_err(|_| Refusal::Value(Slot::Input(input as u8)))
        };
        let mut blocks = [Self { size: 1, around: (0, 0) }; MAX_RANK];
        for (k, blocks) in blocks.iter_mut().take(spatial).enumerate() {
            *blocks = Self { size: number(1, k)?, around: (number(2, 2 * k)?, number(2, 2 * k + 1)?) };
            if blocks.size == 0 {
                return Err(Refusal::Value(Slot::Input(1)));
            }
        }
        Ok((blocks, spatial))
    }
}

fn shape(_op: &SpaceToBatchNd, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let mut out = node.input(0)?;
    let (blocks, spatial) = Blocks::of(node)?;
    let mut batch = out.dim(0) as u32;
    for (axis, blocks) in (1..).zip(blocks.iter().take(spatial)) {
        let (before, after) = blocks.around;
        let dim = (out.dim(axis) as u32).checked_add(before).and_then(|dim| dim.checked_add(after));
        let dim = dim.ok_or(Refusal::TooLarge)?;
        if !dim.is_multiple_of(blocks.size) {
            return Err(Refusal::Value(Slot::Input(2)));
        }
        out = fits(out.with(axis, dim / blocks.size.max(1)))?;
        batch = batch.checked_mul(blocks.size).ok_or(Refusal::TooLarge)?;
    }
    fits(out.with(0, batch))
}
