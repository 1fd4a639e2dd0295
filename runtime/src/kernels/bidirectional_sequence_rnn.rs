//! BIDIRECTIONAL_SEQUENCE_RNN: two plain recurrent layers over a sequence, the second one backwards; see
//! [`rnn`].

use sedge_schema::Refusal;
use sedge_schema::op::{BidirectionalSequenceRnn, Sequence};

use super::recurrent::rnn::{self, Layer};
use super::recurrent::{Route, both_ways};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: BidirectionalSequenceRnn, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let [forward, backward] = BidirectionalSequenceRnn::slots(node);
    let first = Sequence::of(node, forward.input.into(), op.time_major)?;
    let second = Sequence::of(node, backward.input.into(), op.time_major)?;
    let depths = [
        forward.sizes(node, first, op.time_major)?.units,
        backward.sizes(node, second, op.time_major)?.units,
    ];
    let [there, back] = Route::both_ways([first, second], op.time_major, depths, op.merge_outputs);
    let function = (op.activation, op.asymmetric_quantize_inputs);
    let layers = [
        rnn::prepare(node, forward, (first, there), op.time_major, function)?,
        rnn::prepare(node, backward, (second, back), op.time_major, function)?,
    ];
    node.scratch(layers.iter().map(Layer::scratch).max().unwrap_or(0))?;
    node.set_data(layers)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let layers = *node.data::<[Layer; 2]>()?;
    let scratch = node.scratch()?;
    both_ways(node, |node, layer, out| layers.get(layer).ok_or(Refusal::Internal)?.run(node, out, scratch))
}
