//! BIDIRECTIONAL_SEQUENCE_LSTM: two layers over a sequence, the second one backwards; see [`lstm`].

use sedge_schema::Refusal;
use sedge_schema::op::{BidirectionalSequenceLstm, Sequence};

use super::recurrent::Route;
use super::recurrent::lstm::{self, Layer, Options};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: BidirectionalSequenceLstm, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let options = Options {
        activation: op.activation,
        cell_clip: op.cell_clip,
        projection_clip: op.projection_clip,
        asymmetric: op.asymmetric_quantize_inputs,
        time_major: op.time_major,
    };
    let [forward, backward] = BidirectionalSequenceLstm::slots(node);
    let sequences = [forward, backward].map(|slots| Sequence::of(node, slots.input.into(), op.time_major));
    let [first, second] = sequences;
    let (first, second) = (first?, second?);
    let depths = [
        forward.sizes(node, first, op.time_major)?.outputs,
        backward.sizes(node, second, op.time_major)?.outputs,
    ];
    let [there, back] = Route::both_ways([first, second], op.time_major, depths, op.merge_outputs);
    let layers = [
        lstm::prepare_real(node, forward, first, options, there)?,
        lstm::prepare_real(node, backward, second, options, back)?,
    ];
    node.scratch(layers.iter().map(Layer::scratch).max().unwrap_or(0))?;
    node.set_data(layers)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let layers = *node.data::<[Layer; 2]>()?;
    let scratch = node.scratch()?;
    super::recurrent::both_ways(node, |node, layer, out| {
        layers.get(layer).ok_or(Refusal::Internal)?.run_real(node, out, scratch)
    })
}
