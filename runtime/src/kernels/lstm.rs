//! LSTM: one step of a layer; see [`lstm`]. The basic kernel is in [`basic`].

use sedge_schema::Refusal;
use sedge_schema::op::{Lstm, LstmKernel, LstmSlots, Sequence};

use super::recurrent::lstm::{self, Layer, Options};
use super::recurrent::{Route, basic};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: Lstm, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let sequence = Sequence::one_step(node, 0)?;
    if op.kernel == LstmKernel::Basic {
        return basic::prepare(node, sequence);
    }
    let options = Options {
        activation: op.activation,
        cell_clip: op.cell_clip,
        projection_clip: op.projection_clip,
        asymmetric: op.asymmetric_quantize_inputs,
        time_major: false,
    };
    let outputs = LstmSlots::SINGLE.sizes(node, sequence, false)?.outputs;
    let route = Route::new(sequence, false, outputs);
    let layer = lstm::prepare(node, LstmSlots::SINGLE, sequence, options, route)?;
    node.scratch(layer.scratch())?;
    node.set_data(layer)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    // The basic kernel has five inputs, the full one twenty or more.
    if node.inputs() == 5 { basic::invoke(node) } else { node.data::<Layer>()?.run(node) }
}
