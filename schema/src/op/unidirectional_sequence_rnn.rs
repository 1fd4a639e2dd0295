//! UNIDIRECTIONAL_SEQUENCE_RNN: a plain recurrent layer over a sequence.
//!
//! Each step is that of RNN; the inputs are those of [`RnnSlots::SINGLE`].

use super::recurrent::with_depth;
use super::{Activation, Node, QuantizationRule, RnnSlots, Sequence};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// UNIDIRECTIONAL_SEQUENCE_RNN: a plain recurrent layer over a sequence.
    UnidirectionalSequenceRnn = UnidirectionalSequenceRnn, options (31, 0), inputs (5, 5),
    quantization QuantizationRule::Calibrated;
    /// Whether the time is the outer dimension.
    0 time_major: bool = false;
    /// Applied to the result.
    1 activation: Activation = Activation::None;
    /// Whether float activations are quantized asymmetrically for int8 weights.
    2 asymmetric_quantize_inputs: bool = false;
}

fn shape(op: &UnidirectionalSequenceRnn, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let sequence = Sequence::of(node, 0, op.time_major)?;
    with_depth(node, RnnSlots::SINGLE.sizes(node, sequence, op.time_major)?.units)
}
