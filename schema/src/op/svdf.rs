//! SVDF: a layer of filters over features and then over time, a fully connected layer over a window
//! of past inputs in factors of low rank.
//!
//! Input 0 is `[batch, features]`; input 1 holds the feature filters `[filters, features]`, input 2
//! the time filters `[filters, memory]`, input 3 (optional) the bias `[units]` with
//! `units = filters / rank`. Input 4, a variable `[batch, filters * memory]`, keeps what the feature
//! filters gave for the last `memory` inputs.

use super::node::fits;
use super::{Activation, Node, NodeExt as _, QuantizationRule};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// SVDF: a layer of filters over features and then over time.
    Svdf = Svdf, options (6, 0), inputs (5, 5),
    quantization QuantizationRule::Calibrated;
    /// Filters for each unit.
    0 rank: i32 = 0;
    /// Applied to the result.
    1 activation: Activation = Activation::None;
    /// Whether float activations are quantized asymmetrically for int8 weights.
    2 asymmetric_quantize_inputs: bool = false;
}

fn shape(op: &Svdf, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let input = node.input_of_rank(0, 2)?;
    let features = node.input_of_rank(1, 2)?;
    let times = node.input_of_rank(2, 2)?;
    let state = node.input_of_rank(4, 2)?;
    let (filters, memory) = (features.dim(0), times.dim(1));
    let rank = usize::try_from(op.rank).ok().filter(|&rank| rank > 0 && filters % rank == 0);
    let units = filters / rank.ok_or(Refusal::Parameter("rank"))?;
    let fit = [
        (1, features.dim(1) == input.dim(1)),
        (2, times.dim(0) == filters && memory != 0),
        (3, !node.has(Slot::Input(3)) || node.input(3)?.elements() == units),
        (4, state.dim(0) == input.dim(0) && state.dim(1) == filters * memory),
    ];
    if let Some(&(slot, _)) = fit.iter().find(|(_, fits)| !fits) {
        return Err(Refusal::Shape(Slot::Input(slot)));
    }
    fits(Shape::from_dims([input.dim(0), units].map(|d| d as u32)))
}
