//! BIDIRECTIONAL_SEQUENCE_LSTM: an LSTM layer over a sequence, and another one over it backwards.
//!
//! Each layer is that of UNIDIRECTIONAL_SEQUENCE_LSTM, without layer normalization; the inputs are those of
//! [`LstmSlots::BOTH_WAYS`]. Input 39 (optional) is a second sequence: with weights of its own it is added
//! to the gates' sums of both layers, without it is what the backward layer reads. The results are
//! output 0 and output 1, or side by side in output 0.

use super::recurrent::{backward_input, two_layers};
use super::{Activation, LstmSlots, Node, QuantizationRule, Sequence};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// BIDIRECTIONAL_SEQUENCE_LSTM: an LSTM layer over a sequence, and another one over it backwards.
    BidirectionalSequenceLstm = BidirectionalSequenceLstm, options (69, 0), inputs (39, 48), outputs (1, 2),
    quantization QuantizationRule::Calibrated;
    /// Applied to the cell gates and to the cells.
    0 activation: Activation = Activation::None;
    /// The bound of the cells; 0: none.
    1 cell_clip: f32 = 0.0;
    /// The bound of the projection; 0: none.
    2 projection_clip: f32 = 0.0;
    /// Whether both results are output 0, side by side.
    3 merge_outputs: bool = false;
    /// Whether the time is the outer dimension.
    4 time_major: bool = true;
    /// Whether float activations are quantized asymmetrically for int8 weights.
    5 asymmetric_quantize_inputs: bool = false;
}

impl BidirectionalSequenceLstm {
    /// The inputs of the forward and the backward layer.
    pub fn slots(node: &dyn Node) -> [LstmSlots; 2] {
        let [forward, backward] = LstmSlots::BOTH_WAYS;
        let input = backward_input(node, 39, 41);
        [forward, LstmSlots { input, ..backward }]
    }
}

fn shape(op: &BidirectionalSequenceLstm, node: &dyn Node, output: usize) -> Result<Shape, Refusal> {
    let depth = |slots: LstmSlots| -> Result<usize, Refusal> {
        let sequence = Sequence::of(node, slots.input.into(), op.time_major)?;
        Ok(slots.sizes(node, sequence, op.time_major)?.outputs)
    };
    let [forward, backward] = BidirectionalSequenceLstm::slots(node);
    two_layers(node, output, op.merge_outputs, [depth(forward)?, depth(backward)?])
}
