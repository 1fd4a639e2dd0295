//! FILL: a tensor of one value.
//!
//! Input 0 (int32 or int64) holds the output's dimensions, input 1 the value: one element.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::error::{Refusal, Slot};
use crate::{MAX_RANK, Shape};

operator! {
    /// FILL: a tensor of one value.
    Fill = Fill, options (68, 0), inputs (2, 2),
    quantization QuantizationRule::AllSame;
}

fn shape(_op: &Fill, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    if node.input(1)?.elements() != 1 {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    let rank = node.input(0)?.elements();
    let mut dims = [0u32; MAX_RANK];
    let dims = dims.get_mut(..rank).ok_or(Refusal::Shape(Slot::Input(0)))?;
    for (k, dim) in dims.iter_mut().enumerate() {
        *dim = u32::try_from(node.int(0, k)?).map_err(|_| Refusal::Value(Slot::Input(0)))?;
    }
    fits(Shape::new(dims))
}
