//! LSTM: one step of an LSTM layer.
//!
//! The full kernel computes what UNIDIRECTIONAL_SEQUENCE_LSTM computes for one step; its inputs are those
//! of [`LstmSlots::SINGLE`], input 0 `[batch, depth]`.
//!
//! The basic kernel has the gates' weights in one matrix. Input 0 is `[batch, depth]`, input 1 the last
//! output `h` `[batch, cells]`, input 2 the weights `[4 * cells, depth + cells]`, input 3 the bias
//! `[4 * cells]`, input 4 the cells `c` `[batch, cells]`, and the gates' order input, cell, forget, output:
//! `c' = f * c + i * g`, `h' = o * tanh(c')`. Output 0 is `h'`, output 1 `c'`; outputs 2 and 3 show the
//! vector `[x, h]` and the gates' sums. Inputs 1 and 4 that are variables take over `h'` and `c'`.

use super::node::fits;
use super::recurrent::with_depth;
use super::{Activation, LstmKernel, LstmSlots, Node, NodeExt as _, QuantizationRule, Sequence};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// LSTM: one step of an LSTM layer.
    Lstm = Lstm, options (14, 0), inputs (5, 24), outputs (1, 4),
    quantization QuantizationRule::Calibrated;
    /// Applied to the cell gate and to the cells.
    0 activation: Activation = Activation::None;
    /// The bound of the cells; 0: none.
    1 cell_clip: f32 = 0.0;
    /// The bound of the projection; 0: none.
    2 projection_clip: f32 = 0.0;
    /// Which inputs there are.
    3 kernel: LstmKernel = LstmKernel::Full;
    /// Whether float activations are quantized asymmetrically for int8 weights.
    4 asymmetric_quantize_inputs: bool = false;
}

fn shape(op: &Lstm, node: &dyn Node, output: usize) -> Result<Shape, Refusal> {
    let sequence = Sequence::one_step(node, 0)?;
    if op.kernel == LstmKernel::Full {
        if node.inputs() < 20 {
            return Err(Refusal::Inputs(node.inputs() as u32));
        }
        if node.outputs() != 1 {
            return Err(Refusal::Outputs(node.outputs() as u32));
        }
        return with_depth(node, LstmSlots::SINGLE.sizes(node, sequence, false)?.outputs);
    }
    if node.inputs() != 5 {
        return Err(Refusal::Inputs(node.inputs() as u32));
    }
    let Sequence { batch, depth, .. } = sequence;
    let cells = node.input_of_rank(1, 2)?.dim(1);
    let weights = node.input_of_rank(2, 2)?;
    let (sums, total) = (cells.saturating_mul(4), cells.saturating_add(depth));
    let fit = [
        (1, node.input(1)?.dim(0) == batch),
        (2, (weights.dim(0), weights.dim(1)) == (sums, total)),
        (3, node.input(3)?.elements() == sums),
        (4, node.input_of_rank(4, 2)?.dims() == node.input(1)?.dims()),
    ];
    if let Some(&(slot, _)) = fit.iter().find(|(_, fits)| !fits) {
        return Err(Refusal::Shape(Slot::Input(slot)));
    }
    let depth = match output {
        2 => total,
        3 => sums,
        _ => cells,
    };
    fits(Shape::from_dims([batch, depth].map(|d| d as u32)))
}
