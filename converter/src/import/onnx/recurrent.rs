//! Recurrent layers, in either direction or both, written out step by step ([`recurrent`]).

use sedge_schema::op::Concatenation;

use super::call::Call;
use super::value::{Value, plain};
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::TensorId;
use crate::import::recurrent::{self, Cell, MAX_STEPS, State, Weights};

pub(super) fn handler(name: &str) -> Option<Handler> {
    matches!(name, "GRU" | "LSTM" | "RNN").then_some(layer as Handler)
}

/// Sizes of a layer, and what it is fed with.
struct Layer<'c> {
    call: &'c Call<'c>,
    cell: Cell,
    hidden: usize,
    steps: usize,
    batch: usize,
    /// `[steps * batch, inputs]`.
    rows: TensorId,
}

fn layer(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let is_batch_first = call.int("layout", 0) != 0;
    let mut x = importer.input(call, 0)?;
    if is_batch_first {
        let &[a, b, c] = x.axes.as_slice() else { return call.refuse("the input must have 3 dimensions") };
        x.axes = vec![b, a, c];
    }
    let &[steps, batch, inputs] = importer.dims(&x).as_slice() else {
        return call.refuse("the input must have 3 dimensions");
    };
    let cell = cell(importer, call, steps)?;
    let recurrent = importer.input(call, 2)?;
    let &[directions, _, hidden] = importer.dims(&recurrent).as_slice() else {
        return call.refuse("the recurrent weights must have 3 dimensions");
    };
    let rows = importer.reshape(&call.part("rows"), &x, &[steps * batch, inputs])?;
    let layer = Layer { call, cell, hidden, steps, batch, rows: importer.plain(&rows)? };
    let direction = call.text("direction", "forward");
    if (direction == "bidirectional") != (directions == 2) || directions == 0 || directions > 2 {
        return call.refuse(format!("{directions} sets of weights do not fit the direction '{direction}'"));
    }
    let mut sequences = Vec::new();
    let mut last = Vec::new();
    for d in 0..directions {
        let backwards = direction == "reverse" || d == 1;
        let (sequence, state) = layer.run(importer, d, backwards)?;
        sequences.push(sequence);
        last.push(state);
    }
    let whole = importer.joined(&call.part("sequence"), &sequences, 1)?;
    // [steps, directions, batch, hidden], batch first where the layer is.
    let order = |value: Value, order: &[usize]| match is_batch_first {
        true => Value { axes: order.iter().filter_map(|&i| value.axes.get(i)).copied().collect(), ..value },
        false => value,
    };
    importer.set(call, 0, order(whole, &[2, 0, 1, 3]))?;
    for (k, of) in [(1, (|s| s.hidden) as fn(&State) -> Option<TensorId>), (2, |s| s.cell)] {
        if call.node.output.get(k).is_none_or(String::is_empty) {
            continue;
        }
        let mut states = Vec::new();
        for tensor in last.iter().filter_map(of) {
            let value = importer.new_value(tensor);
            states.push(importer.reshape(&call.part("state"), &value, &[1, batch, hidden])?);
        }
        let state = importer.joined(&call.part(&format!("states {k}")), &states, 0)?;
        importer.set(call, k, order(state, &[1, 0, 2]))?;
    }
    Ok(())
}

/// What is done in each step; refuses what the unrolled layer does not honour.
fn cell(importer: &mut Importer<'_>, call: &Call<'_>, steps: usize) -> Result<Cell, Failure> {
    if steps == 0 || steps > MAX_STEPS {
        return call.refuse(format!("{steps} steps cannot be unrolled, at most {MAX_STEPS}"));
    }
    if call.float("clip", 0.0) != 0.0 || call.int("input_forget", 0) != 0 {
        return call.refuse("clip and input_forget are not supported");
    }
    if call.has(7) {
        return call.refuse("peephole weights are not supported");
    }
    if call.has(4) {
        let lengths = importer.known_ints(call, 4)?;
        if lengths.iter().any(|&l| l != steps as i64) {
            return call.refuse("sequences of different lengths are not supported");
        }
    }
    let given = call.node.attribute.iter().find(|a| a.name == "activations");
    let names: Vec<&[u8]> = given.map(|a| a.strings.iter().map(Vec::as_slice).collect()).unwrap_or_default();
    let all = |known: &[&[u8]]| names.chunks(known.len()).all(|names| names == known);
    match call.op() {
        "LSTM" if all(&[b"Sigmoid", b"Tanh", b"Tanh"]) => Ok(Cell::Lstm),
        "GRU" if all(&[b"Sigmoid", b"Tanh"]) => {
            Ok(Cell::Gru { reset_after: call.int("linear_before_reset", 0) != 0 })
        }
        "RNN" if all(&[b"Tanh"]) => Ok(Cell::Simple { is_relu: false }),
        "RNN" if all(&[b"Relu"]) => Ok(Cell::Simple { is_relu: true }),
        _ => call.refuse("activations other than the usual ones are not supported"),
    }
}

impl Importer<'_> {
    /// Tensors one after the other along a logical axis.
    fn joined(&mut self, name: &str, values: &[Value], axis: usize) -> Result<Value, Failure> {
        let Some(first) = values.first() else { return Err(Failure::new("there is nothing to join")) };
        if values.len() == 1 {
            return Ok(first.clone());
        }
        let rank = first.axes.len();
        let kind = self.kind(first);
        let tensors = values.iter().map(|v| self.plain(v)).collect::<Result<Vec<_>, _>>()?;
        let op = Concatenation { axis: axis as i32, ..Concatenation::default() };
        let tensor = self.builder.emit(name, op, &tensors, kind)?;
        Ok(Value { tensor, axes: plain(rank) })
    }
}

impl Layer<'_> {
    /// Part `d` of a tensor of all directions, without that dimension.
    fn part_of(
        &self,
        importer: &mut Importer<'_>,
        value: &Value,
        d: usize,
        name: &str,
    ) -> Result<Value, Failure> {
        let at = d as i64;
        let name = self.call.part(&format!("{name} {d}"));
        let part = importer.cut(&name, value, &[(0, at, at + 1, 1)])?;
        let dims = importer.dims(&part);
        importer.reshape(&format!("{name}/part"), &part, dims.get(1..).unwrap_or_default())
    }

    fn weights(&self, importer: &mut Importer<'_>, d: usize) -> Result<Weights, Failure> {
        let units = self.cell.gates() * self.hidden;
        let (w, r) = (importer.input(self.call, 1)?, importer.input(self.call, 2)?);
        let input = self.part_of(importer, &w, d, "input weights")?;
        let recurrent = self.part_of(importer, &r, d, "recurrent weights")?;
        let (input_bias, recurrent_bias) = match importer.optional(self.call, 3)? {
            Some(bias) => {
                let bias = self.part_of(importer, &bias, d, "biases")?;
                let units = units as i64;
                let name = |k: &str| self.call.part(&format!("{k} bias {d}"));
                (
                    importer.cut(&name("input"), &bias, &[(0, 0, units, 1)])?,
                    importer.cut(&name("recurrent"), &bias, &[(0, units, 2 * units, 1)])?,
                )
            }
            None => {
                let zeros =
                    importer.builder.floats(&self.call.part("no bias"), &[units], &vec![0.0; units])?;
                let zeros = importer.new_value(zeros);
                (zeros.clone(), zeros)
            }
        };
        if importer.dims(&input).first() != Some(&units) || importer.dims(&recurrent).first() != Some(&units)
        {
            return self.call.refuse(format!("the weights are not those of {units} units"));
        }
        Ok(Weights {
            input: importer.plain(&input)?,
            recurrent: importer.plain(&recurrent)?,
            input_bias: importer.plain(&input_bias)?,
            recurrent_bias: importer.plain(&recurrent_bias)?,
        })
    }

    fn start(&self, importer: &mut Importer<'_>, d: usize) -> Result<State, Failure> {
        let mut state = |input: usize, name: &str| match importer.optional(self.call, input)? {
            // Zeros are what there is without a state.
            Some(value) if importer.floats_of(&value)?.is_some_and(|v| v.iter().all(|&x| x == 0.0)) => {
                Ok(None)
            }
            Some(mut value) => {
                if self.call.int("layout", 0) != 0 {
                    value.axes.swap(0, 1);
                }
                let part = self.part_of(importer, &value, d, name)?;
                importer.plain(&part).map(Some)
            }
            None => Ok::<_, Failure>(None),
        };
        let hidden = state(5, "initial state")?;
        let cell = if self.cell == Cell::Lstm { state(6, "initial cell")? } else { None };
        Ok(State { hidden, cell })
    }

    /// All steps of direction `d`: the hidden states `[steps, 1, batch, hidden]`, and the last state.
    fn run(&self, importer: &mut Importer<'_>, d: usize, backwards: bool) -> Result<(Value, State), Failure> {
        let weights = self.weights(importer, d)?;
        let state = self.start(importer, d)?;
        let name = self.call.part(&d.to_string());
        let &Self { cell, hidden, steps, batch, rows, .. } = self;
        let layer = recurrent::Layer { name: &name, cell, hidden, steps, batch, rows, backwards };
        let (all, state) = layer.run(&mut importer.builder, &weights, state)?;
        let mut sequence = Vec::new();
        for (t, hidden) in all.into_iter().enumerate() {
            let hidden = importer.new_value(hidden);
            let shape = [1, 1, self.batch, self.hidden];
            sequence.push(importer.reshape(&format!("{name}/{t}/step"), &hidden, &shape)?);
        }
        Ok((importer.joined(&format!("{name}/sequence"), &sequence, 0)?, state))
    }
}
