//! UNIDIRECTIONAL_SEQUENCE_LSTM: a layer over a sequence; see [`lstm`].

use sedge_schema::Refusal;
use sedge_schema::op::{LstmSlots, Sequence, UnidirectionalSequenceLstm};

use super::recurrent::Route;
use super::recurrent::lstm::{self, Layer, Options};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: UnidirectionalSequenceLstm, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let options = Options {
        activation: op.activation,
        cell_clip: op.cell_clip,
        projection_clip: op.projection_clip,
        asymmetric: op.asymmetric_quantize_inputs,
        time_major: op.time_major,
    };
    let sequence = Sequence::of(node, 0, op.time_major)?;
    let outputs = LstmSlots::SINGLE.sizes(node, sequence, op.time_major)?.outputs;
    let route = Route::new(sequence, op.time_major, outputs);
    let layer = lstm::prepare(node, LstmSlots::SINGLE, sequence, options, route)?;
    node.scratch(layer.scratch())?;
    node.set_data(layer)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    node.data::<Layer>()?.run(node)
}
