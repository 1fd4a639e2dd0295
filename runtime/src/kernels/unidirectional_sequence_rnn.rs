//! UNIDIRECTIONAL_SEQUENCE_RNN: a plain recurrent layer over a sequence; see [`rnn`].

use sedge_schema::Refusal;
use sedge_schema::op::{RnnSlots, Sequence, UnidirectionalSequenceRnn};

use super::recurrent::rnn;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: UnidirectionalSequenceRnn, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let sequence = Sequence::of(node, 0, op.time_major)?;
    let function = (op.activation, op.asymmetric_quantize_inputs);
    rnn::prepare_single(node, RnnSlots::SINGLE, sequence, op.time_major, function)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    rnn::invoke_single(node)
}
