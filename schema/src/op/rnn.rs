//! RNN: one step of a plain recurrent layer.
//!
//! `h <- activation(W x + R h + b)`: input 0 is `x` `[batch, depth]`, the others those of
//! [`RnnSlots::SINGLE`]; the variable `h` is the output.

use super::recurrent::with_depth;
use super::{Activation, Node, QuantizationRule, RnnSlots, Sequence};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// RNN: one step of a plain recurrent layer.
    Rnn = Rnn, options (7, 0), inputs (5, 5),
    quantization QuantizationRule::Calibrated;
    /// Applied to the result.
    0 activation: Activation = Activation::None;
    /// Whether float activations are quantized asymmetrically for int8 weights.
    1 asymmetric_quantize_inputs: bool = false;
}

fn shape(_op: &Rnn, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let sequence = Sequence::one_step(node, 0)?;
    with_depth(node, RnnSlots::SINGLE.sizes(node, sequence, false)?.units)
}
