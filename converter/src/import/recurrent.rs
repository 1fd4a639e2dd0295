//! Recurrent layers, unrolled: each step of the sequence becomes operators of its own, so that the states that go
//! in and come out are ordinary tensors, as in the model. The products of all steps' inputs are one.
//!
//! The format's own operators keep their state from one invocation to the next, where models begin each anew.

use sedge_schema::TensorType;
use sedge_schema::op::{Add, FullyConnected, Logistic, Mul, Relu, Slice, Sub, Tanh};

use super::builder::Builder;
use crate::Failure;
use crate::graph::{Operation, TensorId};

/// The most steps that a layer is unrolled over.
pub(super) const MAX_STEPS: usize = 1024;

/// What is done in each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// `c = f * c + i * g`, `h = o * tanh(c)`; the gates stand in the order i, o, f, g.
    Lstm,
    /// `h = g + z * (h - g)`; the gates stand in the order z, r, g. `reset_after`: whether the reset gate is applied to
    /// the product of the state, and not to the state.
    Gru { reset_after: bool },
    /// `h = tanh(sum)`, or `relu(sum)`.
    Simple { is_relu: bool },
}

impl Cell {
    /// How many times `hidden` units a product makes.
    pub(super) fn gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru { .. } => 3,
            Self::Simple { .. } => 1,
        }
    }
}

/// A layer in one direction, and what it is fed with.
pub(super) struct Layer<'n> {
    pub(super) name: &'n str,
    pub(super) cell: Cell,
    pub(super) hidden: usize,
    pub(super) steps: usize,
    pub(super) batch: usize,
    /// `[steps * batch, inputs]`.
    pub(super) rows: TensorId,
    /// Whether the last step comes first.
    pub(super) backwards: bool,
}

/// Weights `[gates * hidden, inputs]` and `[gates * hidden, hidden]`, and two biases `[gates * hidden]`.
pub(super) struct Weights {
    pub(super) input: TensorId,
    pub(super) recurrent: TensorId,
    pub(super) input_bias: TensorId,
    pub(super) recurrent_bias: TensorId,
}

/// What a step hands on, `[batch, hidden]`; nothing where it is zeros.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    pub(super) hidden: Option<TensorId>,
    pub(super) cell: Option<TensorId>,
}

impl Layer<'_> {
    /// All steps: their hidden states in the order of the sequence, and the last state.
    pub(super) fn run(
        &self,
        builder: &mut Builder,
        weights: &Weights,
        mut state: State,
    ) -> Result<(Vec<TensorId>, State), Failure> {
        let name = self.name;
        // A reset gate between needs the recurrent bias apart.
        let bias = match self.cell {
            Cell::Gru { .. } => weights.input_bias,
            _ => {
                let both = [weights.input_bias, weights.recurrent_bias];
                builder.emit(&format!("{name}/bias"), Add::default(), &both, TensorType::Float32)?
            }
        };
        let inputs = connected(builder, &format!("{name}/inputs"), self.rows, weights.input, Some(bias))?;
        let mut sequence = vec![None; self.steps];
        let order: Vec<usize> =
            if self.backwards { (0..self.steps).rev().collect() } else { (0..self.steps).collect() };
        for t in order {
            let name = format!("{name}/{t}");
            let x = builder.slice(&format!("{name}/input"), inputs, 0, t * self.batch, self.batch)?;
            let mut step = Step { builder, layer: self, weights, name: &name };
            state = match self.cell {
                Cell::Lstm => step.lstm(x, state)?,
                Cell::Gru { reset_after } => step.gru(x, state, reset_after)?,
                Cell::Simple { is_relu } => step.simple(x, state, is_relu)?,
            };
            if let Some(place) = sequence.get_mut(t) {
                *place = state.hidden;
            }
        }
        Ok((sequence.into_iter().flatten().collect(), state))
    }
}

/// `x * transposed(weights) + bias`.
fn connected(
    builder: &mut Builder,
    name: &str,
    x: TensorId,
    weights: TensorId,
    bias: Option<TensorId>,
) -> Result<TensorId, Failure> {
    let inputs: Vec<TensorId> = [x, weights].into_iter().chain(bias).collect();
    builder.emit(name, FullyConnected::default(), &inputs, TensorType::Float32)
}

/// One step.
struct Step<'s, 'l> {
    builder: &'s mut Builder,
    layer: &'s Layer<'l>,
    weights: &'s Weights,
    name: &'s str,
}

impl Step<'_, '_> {
    fn both(
        &mut self,
        what: &str,
        op: impl Into<Operation>,
        a: TensorId,
        b: TensorId,
    ) -> Result<TensorId, Failure> {
        self.builder.emit(&format!("{}/{what}", self.name), op, &[a, b], TensorType::Float32)
    }

    fn of(&mut self, what: &str, op: impl Into<Operation>, x: TensorId) -> Result<TensorId, Failure> {
        self.builder.emit(&format!("{}/{what}", self.name), op, &[x], TensorType::Float32)
    }

    /// Units `gate` of a product.
    fn gate(&mut self, what: &str, product: TensorId, gate: usize) -> Result<TensorId, Failure> {
        let size = self.layer.hidden;
        self.builder.slice(&format!("{}/{what}", self.name), product, 1, gate * size, size)
    }

    /// `hidden * transposed(recurrent weights) + bias`.
    fn recurrent(&mut self, hidden: TensorId, bias: Option<TensorId>) -> Result<TensorId, Failure> {
        connected(self.builder, &format!("{}/recurrent", self.name), hidden, self.weights.recurrent, bias)
    }

    /// The products of input and state together.
    fn sum(&mut self, x: TensorId, state: State) -> Result<TensorId, Failure> {
        match state.hidden {
            Some(hidden) => {
                let product = self.recurrent(hidden, None)?;
                self.both("sum", Add::default(), x, product)
            }
            None => Ok(x),
        }
    }

    fn lstm(&mut self, x: TensorId, state: State) -> Result<State, Failure> {
        let sum = self.sum(x, state)?;
        let mut gate = |what: &str, k: usize| self.gate(what, sum, k);
        let [i, o, f, g] = [gate("in", 0)?, gate("out", 1)?, gate("keep", 2)?, gate("new", 3)?];
        let (i, g) = (self.of("in gate", Logistic {}, i)?, self.of("new values", Tanh {}, g)?);
        let new = self.both("added", Mul::default(), i, g)?;
        let cell = match state.cell {
            Some(cell) => {
                let f = self.of("keep gate", Logistic {}, f)?;
                let kept = self.both("kept", Mul::default(), f, cell)?;
                self.both("cell", Add::default(), kept, new)?
            }
            None => new,
        };
        let o = self.of("out gate", Logistic {}, o)?;
        let shown = self.of("shown", Tanh {}, cell)?;
        let hidden = self.both("hidden", Mul::default(), o, shown)?;
        Ok(State { hidden: Some(hidden), cell: Some(cell) })
    }

    fn gru(&mut self, x: TensorId, state: State, reset_after: bool) -> Result<State, Failure> {
        let (batch, size) = (self.layer.batch, self.layer.hidden);
        let hidden = match state.hidden {
            Some(hidden) => hidden,
            None => self.builder.floats(
                &format!("{}/zeros", self.name),
                &[batch, size],
                &vec![0.0; batch * size],
            )?,
        };
        let bias = self.weights.recurrent_bias;
        let product = self.recurrent(hidden, Some(bias))?;
        let mut gates = [x; 2];
        for ((k, what), gate) in ["update", "reset"].into_iter().enumerate().zip(&mut gates) {
            let (a, b) =
                (self.gate(&format!("{what} x"), x, k)?, self.gate(&format!("{what} h"), product, k)?);
            let sum = self.both(&format!("{what} sum"), Add::default(), a, b)?;
            *gate = self.of(&format!("{what} gate"), Logistic {}, sum)?;
        }
        let [z, r] = gates;
        let new_x = self.gate("new x", x, 2)?;
        let new_h = if reset_after {
            let h = self.gate("new h", product, 2)?;
            self.both("new reset", Mul::default(), r, h)?
        } else {
            let reset = self.both("reset state", Mul::default(), r, hidden)?;
            let name = format!("{}/new", self.name);
            let weights =
                self.builder.slice(&format!("{name} weights"), self.weights.recurrent, 0, 2 * size, size)?;
            let bias = self.builder.slice(&format!("{name} bias"), bias, 0, 2 * size, size)?;
            connected(self.builder, &format!("{name} h"), reset, weights, Some(bias))?
        };
        let new = self.both("new sum", Add::default(), new_x, new_h)?;
        let new = self.of("new values", Tanh {}, new)?;
        let change = self.both("change", Sub::default(), hidden, new)?;
        let kept = self.both("kept", Mul::default(), z, change)?;
        let hidden = self.both("hidden", Add::default(), new, kept)?;
        Ok(State { hidden: Some(hidden), cell: None })
    }

    fn simple(&mut self, x: TensorId, state: State, is_relu: bool) -> Result<State, Failure> {
        let sum = self.sum(x, state)?;
        let hidden =
            if is_relu { self.of("hidden", Relu {}, sum)? } else { self.of("hidden", Tanh {}, sum)? };
        Ok(State { hidden: Some(hidden), cell: None })
    }
}

impl Builder {
    /// `size` indices of a dimension, from `from` on.
    pub(super) fn slice(
        &mut self,
        name: &str,
        tensor: TensorId,
        axis: usize,
        from: usize,
        size: usize,
    ) -> Result<TensorId, Failure> {
        let dims = self.dims(tensor);
        if from == 0 && dims.get(axis) == Some(&size) {
            return Ok(tensor);
        }
        let one = |i: usize, d: usize| if i == axis { (from as i32, size as i32) } else { (0, d as i32) };
        let (begin, size): (Vec<i32>, Vec<i32>) = dims.iter().enumerate().map(|(i, &d)| one(i, d)).unzip();
        let begin = self.ints(&format!("{name}/begin"), &begin)?;
        let size = self.ints(&format!("{name}/size"), &size)?;
        self.emit(name, Slice {}, &[tensor, begin, size], self.kind(tensor))
    }
}
