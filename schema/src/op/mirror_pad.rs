//! MIRROR_PAD: cells around a tensor that mirror those inside.
//!
//! Input 1 (int32 or int64) has shape `[rank, 2]`: for each dimension the cells before and after. They are
//! at most as many as there are cells to mirror.

use super::pad::{padded_shape, padding_of};
use super::{MirrorMode, Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// MIRROR_PAD: cells around a tensor that mirror those inside.
    MirrorPad = MirrorPad, options (77, 0), inputs (2, 2),
    quantization QuantizationRule::SameAsInput;
    /// Whether the outermost cells are mirrored as well.
    0 mode: MirrorMode = MirrorMode::Reflect;
}

fn shape(op: &MirrorPad, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let out = padded_shape(node)?;
    for (axis, &dim) in node.input(0)?.dims().iter().enumerate() {
        let (before, after) = padding_of(node, axis)?;
        let cells = match op.mode {
            MirrorMode::Reflect => dim.saturating_sub(1),
            MirrorMode::Symmetric => dim,
        };
        if before.max(after) > cells {
            return Err(Refusal::Value(Slot::Input(1)));
        }
    }
    Ok(out)
}
