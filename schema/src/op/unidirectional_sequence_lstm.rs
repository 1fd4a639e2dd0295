//! UNIDIRECTIONAL_SEQUENCE_LSTM: an LSTM layer over a sequence.
//!
//! For each step, with the gates `i, f, g, o` of input, forget, cell and output, the vector `x` of the
//! input, and the last output `h` and cells `c` (variables, which keep their values between invocations):
//!
//! `i, f, o = logistic(W x + R h + p * c + b)`, `g = activation(W x + R h + b)`,
//! `c <- f * c + i * g` (clipped), `h <- P (o * activation(c)) + b` (clipped),
//!
//! each gate with weights `W`, `R`, `b` of its own. Peepholes `p` and the projection `P` are optional, and
//! so is layer normalization: `b + n * normalized(...)` of a gate's sum. The output gate's peephole sees the
//! new cells. Without an input gate `i = 1 - f`. The inputs are those of [`LstmSlots::SINGLE`].

use super::recurrent::with_depth;
use super::{Activation, LstmSlots, Node, QuantizationRule, Sequence};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// UNIDIRECTIONAL_SEQUENCE_LSTM: an LSTM layer over a sequence.
    UnidirectionalSequenceLstm = UnidirectionalSequenceLstm, options (71, 0), inputs (20, 24),
    quantization QuantizationRule::Calibrated;
    /// Applied to the cell gate and to the cells.
    0 activation: Activation = Activation::None;
    /// The bound of the cells; 0: none.
    1 cell_clip: f32 = 0.0;
    /// The bound of the projection; 0: none.
    2 projection_clip: f32 = 0.0;
    /// Whether the time is the outer dimension.
    3 time_major: bool = false;
    /// Whether float activations are quantized asymmetrically for int8 weights.
    4 asymmetric_quantize_inputs: bool = false;
    /// Whether the recurrent weights are diagonal matrices, stored as their diagonals.
    5 diagonal_recurrent_tensors: bool = false;
}

fn shape(op: &UnidirectionalSequenceLstm, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    if op.diagonal_recurrent_tensors {
        return Err(Refusal::Parameter("diagonal_recurrent_tensors"));
    }
    let sequence = Sequence::of(node, 0, op.time_major)?;
    with_depth(node, LstmSlots::SINGLE.sizes(node, sequence, op.time_major)?.outputs)
}
