//! What recurrent layers have in common: sequences, and which inputs of an operator hold what.

use super::node::fits;
use super::{Node, NodeExt as _};
use crate::Shape;
use crate::error::{Refusal, Slot};

/// The sizes of a sequence of vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Sequences that run beside each other.
    pub batch: usize,
    /// Vectors of each.
    pub steps: usize,
    /// Elements of a vector.
    pub depth: usize,
}

impl Sequence {
    /// The sequences in input `i`: `[batch, steps, depth]`, or `[steps, batch, depth]` where the time is
    /// the outer dimension.
    ///
    /// # Errors
    /// Where it has not three dimensions.
    pub fn of(node: &dyn Node, i: usize, time_major: bool) -> Result<Self, Refusal> {
        let shape = node.input_of_rank(i, 3)?;
        let [outer, inner, depth] = [0, 1, 2].map(|axis| shape.dim(axis));
        let (batch, steps) = if time_major { (inner, outer) } else { (outer, inner) };
        Ok(Self { batch, steps, depth })
    }

    /// The vectors of one step in input `i`: `[batch, depth]`.
    ///
    /// # Errors
    /// Where it has not two dimensions.
    pub fn one_step(node: &dyn Node, i: usize) -> Result<Self, Refusal> {
        let shape = node.input_of_rank(i, 2)?;
        Ok(Self { batch: shape.dim(0), steps: 1, depth: shape.dim(1) })
    }
}

/// The shape of input 0 with `depth` as its last dimension.
pub(super) fn with_depth(node: &dyn Node, depth: usize) -> Result<Shape, Refusal> {
    let shape = node.input(0)?;
    let last = shape.rank().checked_sub(1).ok_or(Refusal::Shape(Slot::Input(0)))?;
    fits(shape.with(last, depth as u32))
}

/// Checks that input `i` is a matrix of these sizes.
fn matrix(node: &dyn Node, i: u8, rows: usize, columns: usize) -> Result<(), Refusal> {
    let shape = node.input_of_rank(i.into(), 2)?;
    if (shape.dim(0), shape.dim(1)) == (rows, columns) { Ok(()) } else { Err(Refusal::Shape(Slot::Input(i))) }
}

/// Checks that input `i` has `length` elements, whatever its dimensions.
fn elements(node: &dyn Node, i: u8, length: usize) -> Result<(), Refusal> {
    if node.input(i.into())?.elements() == length { Ok(()) } else { Err(Refusal::Shape(Slot::Input(i))) }
}

/// A second input beside the first, and the first of the inputs with its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuxiliarySlots {
    /// The vectors.
    pub input: u8,
    /// Their weights: one input, or one for each gate.
    pub weights: u8,
}

impl AuxiliarySlots {
    /// The depth of the vectors where there are weights for them.
    fn depth(self, node: &dyn Node, sequence: Sequence, time_major: bool) -> Result<usize, Refusal> {
        let found = Sequence::of(node, self.input.into(), time_major)?;
        let fits = (found.batch, found.steps) == (sequence.batch, sequence.steps);
        if fits { Ok(found.depth) } else { Err(Refusal::Shape(Slot::Input(self.input))) }
    }
}

/// Which inputs of an operator hold what an LSTM layer needs. The gates' order is always input, forget,
/// cell, output; a layer whose input gate is one minus the forget gate (CIFG) leaves its inputs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LstmSlots {
    /// The sequence.
    pub input: u8,
    /// The first of four matrices `[cells, depth]`.
    pub input_weights: u8,
    /// The first of four matrices `[cells, outputs]`.
    pub recurrent_weights: u8,
    /// The first of three vectors `[cells]`, optional: peepholes to the input, forget and output gates.
    pub peepholes: u8,
    /// The first of four vectors `[cells]`.
    pub biases: u8,
    /// The projection's matrix `[outputs, cells]`, optional; its bias `[outputs]`, optional, follows.
    pub projection: u8,
    /// The variable `[batch, outputs]` with the last output.
    pub output_state: u8,
    /// The variable `[batch, cells]`.
    pub cell_state: u8,
    /// The first of four vectors `[cells]`, optional: coefficients of layer normalization.
    pub normalization: Option<u8>,
    /// Another sequence with weights of its own.
    pub auxiliary: Option<AuxiliarySlots>,
}

/// The sizes of an LSTM layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LstmSizes {
    /// Cells.
    pub cells: usize,
    /// Elements of an output.
    pub outputs: usize,
    /// Elements of a vector of the second input; 0 where there is none.
    pub auxiliary: usize,
}

impl LstmSlots {
    /// The inputs of an operator with one layer.
    pub const SINGLE: Self = Self {
        input: 0,
        input_weights: 1,
        recurrent_weights: 5,
        peepholes: 9,
        biases: 12,
        projection: 16,
        output_state: 18,
        cell_state: 19,
        normalization: Some(20),
        auxiliary: None,
    };

    /// The inputs of the forward and the backward layer of an operator with both.
    pub const BOTH_WAYS: [Self; 2] = [Self::of_two(1, 35, 40), Self::of_two(18, 37, 44)];

    const fn of_two(first: u8, states: u8, auxiliary: u8) -> Self {
        Self {
            input: 0,
            input_weights: first,
            recurrent_weights: first + 4,
            peepholes: first + 8,
            biases: first + 11,
            projection: first + 15,
            output_state: states,
            cell_state: states + 1,
            normalization: None,
            auxiliary: Some(AuxiliarySlots { input: 39, weights: auxiliary }),
        }
    }

    /// Whether the input gate is one minus the forget gate.
    pub fn couples_gates(&self, node: &dyn Node) -> bool {
        !node.has(Slot::Input(self.input_weights))
    }

    /// The sizes of the layer, all inputs checked against each other.
    ///
    /// # Errors
    /// Which input is missing or does not fit.
    pub fn sizes(&self, node: &dyn Node, sequence: Sequence, time_major: bool) -> Result<LstmSizes, Refusal> {
        let has = |i: u8| node.has(Slot::Input(i));
        let cells = node.input_of_rank((self.input_weights + 3).into(), 2)?.dim(0);
        let outputs = node.input_of_rank((self.recurrent_weights + 3).into(), 2)?.dim(1);
        let auxiliary = match self.auxiliary.filter(|a| has(a.weights + 1)) {
            Some(slots) => slots.depth(node, sequence, time_major)?,
            None => 0,
        };
        let peepholes = has(self.peepholes + 2);
        let normalization = self.normalization.filter(|first| has(first + 1));
        let coupled = self.couples_gates(node);
        for gate in u8::from(coupled)..4 {
            matrix(node, self.input_weights + gate, cells, sequence.depth)?;
            matrix(node, self.recurrent_weights + gate, cells, outputs)?;
            elements(node, self.biases + gate, cells)?;
            if let Some(first) = normalization {
                elements(node, first + gate, cells)?;
            }
            if let Some(slots) = self.auxiliary.filter(|a| has(a.weights + 1)) {
                matrix(node, slots.weights + gate, cells, auxiliary)?;
            }
        }
        if peepholes {
            (u8::from(coupled)..3).try_for_each(|k| elements(node, self.peepholes + k, cells))?;
        }
        if has(self.projection) {
            matrix(node, self.projection, outputs, cells)?;
            if has(self.projection + 1) {
                elements(node, self.projection + 1, outputs)?;
            }
        } else if outputs != cells {
            return Err(Refusal::Absent(Slot::Input(self.projection)));
        }
        elements(node, self.output_state, sequence.batch.saturating_mul(outputs))?;
        elements(node, self.cell_state, sequence.batch.saturating_mul(cells))?;
        Ok(LstmSizes { cells, outputs, auxiliary })
    }
}

/// Which inputs of an operator hold what a plain recurrent layer needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RnnSlots {
    /// The sequence.
    pub input: u8,
    /// The matrix `[units, depth]`.
    pub input_weights: u8,
    /// The matrix `[units, units]`.
    pub recurrent_weights: u8,
    /// The vector `[units]`.
    pub bias: u8,
    /// The variable `[batch, units]` with the last output.
    pub state: u8,
    /// Another sequence with a matrix of its own.
    pub auxiliary: Option<AuxiliarySlots>,
}

/// The sizes of a plain recurrent layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RnnSizes {
    /// Elements of an output.
    pub units: usize,
    /// Elements of a vector of the second input; 0 where there is none.
    pub auxiliary: usize,
}

impl RnnSlots {
    /// The inputs of an operator with one layer.
    pub const SINGLE: Self = Self::at(1, None);

    /// The inputs of the forward and the backward layer of an operator with both.
    pub const BOTH_WAYS: [Self; 2] = [
        Self::at(1, Some(AuxiliarySlots { input: 9, weights: 10 })),
        Self::at(5, Some(AuxiliarySlots { input: 9, weights: 11 })),
    ];

    const fn at(first: u8, auxiliary: Option<AuxiliarySlots>) -> Self {
        Self {
            input: 0,
            input_weights: first,
            recurrent_weights: first + 1,
            bias: first + 2,
            state: first + 3,
            auxiliary,
        }
    }

    /// The sizes of the layer, all inputs checked against each other.
    ///
    /// # Errors
    /// Which input is missing or does not fit.
    pub fn sizes(&self, node: &dyn Node, sequence: Sequence, time_major: bool) -> Result<RnnSizes, Refusal> {
        let units = node.input_of_rank(self.input_weights.into(), 2)?.dim(0);
        matrix(node, self.input_weights, units, sequence.depth)?;
        matrix(node, self.recurrent_weights, units, units)?;
        elements(node, self.bias, units)?;
        elements(node, self.state, sequence.batch.saturating_mul(units))?;
        let auxiliary = match self.auxiliary.filter(|a| node.has(Slot::Input(a.weights))) {
            Some(slots) => {
                let depth = slots.depth(node, sequence, time_major)?;
                matrix(node, slots.weights, units, depth)?;
                depth
            }
            None => 0,
        };
        Ok(RnnSizes { units, auxiliary })
    }
}

/// Where the backward layer reads its sequence: in the second input where that has no weights of its own
/// (the layers before are not merged), in input 0 otherwise.
pub(super) fn backward_input(node: &dyn Node, input: u8, forward_weights: u8) -> u8 {
    let separate = node.has(Slot::Input(input)) && !node.has(Slot::Input(forward_weights));
    if separate { input } else { 0 }
}

/// The shape of an output of an operator with two layers, whose vectors have these depths.
pub(super) fn two_layers(
    node: &dyn Node,
    output: usize,
    merge: bool,
    depths: [usize; 2],
) -> Result<Shape, Refusal> {
    if node.outputs() != if merge { 1 } else { 2 } {
        return Err(Refusal::Outputs(node.outputs() as u32));
    }
    let [forward, backward] = depths;
    with_depth(
        node,
        if merge {
            forward.saturating_add(backward)
        } else if output == 0 {
            forward
        } else {
            backward
        },
    )
}
