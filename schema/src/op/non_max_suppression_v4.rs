//! NON_MAX_SUPPRESSION_V4: of boxes that overlap too much, the one with the best score.
//!
//! Input 0 holds boxes as `y1, x1, y2, x2` of two corners, input 1 their scores, inputs 2 to 4 (one element
//! each) how many are wanted at most (int32), from which intersection over union on two boxes overlap too
//! much, and which score a box must have more than. Output 0 (int32) has the boxes' indices, the best score
//! first, and zeros behind them; output 1 (int32) how many there are.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// NON_MAX_SUPPRESSION_V4: of boxes that overlap too much, the one with the best score.
    NonMaxSuppressionV4 = NonMaxSuppressionV4, options (95, 0), inputs (5, 5), outputs (2, 2),
    quantization QuantizationRule::Integers;
}

fn shape(_op: &NonMaxSuppressionV4, node: &dyn Node, output: usize) -> Result<Shape, Refusal> {
    let selected = selected(node)?;
    Ok(if output == 0 { selected } else { Shape::SCALAR })
}

/// As many elements as boxes are wanted.
pub(super) fn selected(node: &dyn Node) -> Result<Shape, Refusal> {
    let boxes = node.input_of_rank(0, 2)?;
    if boxes.dim(1) != 4 {
        return Err(Refusal::Shape(Slot::Input(0)));
    }
    if node.input_of_rank(1, 1)?.dim(0) != boxes.dim(0) {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    for input in 2..node.inputs() {
        if node.input(input)?.elements() != 1 {
            return Err(Refusal::Shape(Slot::Input(input as u8)));
        }
    }
    let most = u32::try_from(node.int(2, 0)?).map_err(|_| Refusal::Value(Slot::Input(2)))?;
    fits(Shape::new(&[most]))
}
