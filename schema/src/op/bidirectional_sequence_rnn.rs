//! BIDIRECTIONAL_SEQUENCE_RNN: a plain recurrent layer over a sequence, and another one over it backwards.
//!
//! Each step is that of RNN; the inputs are those of [`RnnSlots::BOTH_WAYS`]. Input 9 (optional) is a
//! second sequence: with weights of its own it is added to the sums of both layers, without it is what the
//! backward layer reads. The results are output 0 and output 1, or side by side in output 0.

use super::recurrent::{backward_input, two_layers};
use super::{Activation, Node, QuantizationRule, RnnSlots, Sequence};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// BIDIRECTIONAL_SEQUENCE_RNN: a plain recurrent layer over a sequence, and another one over it
    /// backwards.
    BidirectionalSequenceRnn = BidirectionalSequenceRnn, options (70, 0), inputs (9, 12), outputs (1, 2),
    quantization QuantizationRule::Calibrated;
    /// Whether the time is the outer dimension.
    0 time_major: bool = false;
    /// Applied to the result.
    1 activation: Activation = Activation::None;
    /// Whether both results are output 0, side by side.
    2 merge_outputs: bool = false;
    /// Whether float activations are quantized asymmetrically for int8 weights.
    3 asymmetric_quantize_inputs: bool = false;
}

impl BidirectionalSequenceRnn {
    /// The inputs of the forward and the backward layer.
    pub fn slots(node: &dyn Node) -> [RnnSlots; 2] {
        let [forward, backward] = RnnSlots::BOTH_WAYS;
        let input = backward_input(node, 9, 10);
        [forward, RnnSlots { input, ..backward }]
    }
}

fn shape(op: &BidirectionalSequenceRnn, node: &dyn Node, output: usize) -> Result<Shape, Refusal> {
    let depth = |slots: RnnSlots| -> Result<usize, Refusal> {
        let sequence = Sequence::of(node, slots.input.into(), op.time_major)?;
        Ok(slots.sizes(node, sequence, op.time_major)?.units)
    };
    let [forward, backward] = BidirectionalSequenceRnn::slots(node);
    two_layers(node, output, op.merge_outputs, [depth(forward)?, depth(backward)?])
}
