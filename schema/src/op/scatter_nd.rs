//! SCATTER_ND: parts added into a tensor of zeros, where a list of index tuples says.
//!
//! Input 0 (int32 or int64) has shape `[..., n]`: tuples of indices along the output's `n` outermost
//! dimensions, input 1 holds a part for each, input 2 (int32 or int64) the output's dimensions.

use super::gather_nd::tuples_and_part;
use super::node::listed_shape;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// SCATTER_ND: parts added into a tensor of zeros, where a list of index tuples says.
    ScatterNd = ScatterNd, options (97, 0), inputs (3, 3),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &ScatterNd, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let out = listed_shape(node, 2)?;
    let parts = tuples_and_part(&node.input(0)?, &out, Refusal::Shape(Slot::Input(0)))?;
    if parts != Some(node.input(1)?) {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    Ok(out)
}
