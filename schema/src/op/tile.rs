//! TILE: a tensor repeated a number of times along each dimension.
//!
//! Input 1 (int32 or int64) holds the numbers. `out[i, j, ...] = in[i mod dim_0, j mod dim_1, ...]`.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// TILE: a tensor repeated a number of times along each dimension.
    Tile = Tile, options (51, 0), inputs (2, 2),
    quantization QuantizationRule::SameAsInput;
}

fn shape(_op: &Tile, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let slot = Slot::Input(1);
    let mut out = node.input(0)?;
    if node.input(1)?.elements() != out.rank() {
        return Err(Refusal::Shape(slot));
    }
    for axis in 0..out.rank() {
        let times = u32::try_from(node.int(1, axis)?).map_err(|_| Refusal::Value(slot))?;
        let dim = (out.dim(axis) as u32).checked_mul(times).ok_or(Refusal::TooLarge)?;
        out = fits(out.with(axis, dim))?;
    }
    Ok(out)
}
