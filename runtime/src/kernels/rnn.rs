//! RNN: one step of a plain recurrent layer; see [`rnn`].

use sedge_schema::Refusal;
use sedge_schema::op::{Rnn, RnnSlots, Sequence};

use super::recurrent::rnn;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: Rnn, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let sequence = Sequence::one_step(node, 0)?;
    rnn::prepare_single(
        node,
        RnnSlots::SINGLE,
        sequence,
        false,
        (op.activation, op.asymmetric_quantize_inputs),
    )
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    rnn::invoke_single(node)
}
