//! Recurrent layers, unrolled: each step of the sequence becomes operators of its own, so that the states that go
//! in and come out are ordinary tensors, as in the model. The products of all steps' inputs are one.

use sedge_schema::op::{Add, Concatenation, Logistic, Mul, Relu, Sub, Tanh};

use super::call::Call;
use super::value::{Value, plain};
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::Operation;

/// The most steps that a layer is unrolled over.
const MAX_STEPS: usize = 1024;

pub(super) fn handler(name: &str) -> Option<Handler> {
    matches!(name, "GRU" | "LSTM" | "RNN").then_some(layer as Handler)
}

/// Sizes of a layer, and what it is fed with.
struct Layer<'c> {
    call: &'c Call<'c>,
    /// How many of `hidden` units one product makes: 4 for LSTM, 3 for GRU, 1 for RNN.
    gates: usize,
    hidden: usize,
    steps: usize,
    batch: usize,
    /// `[steps * batch, inputs]`.
    rows: Value,
}

/// The state of one direction.
#[derive(Clone, Default)]
struct State {
    hidden: Option<Value>,
    cell: Option<Value>,
}

/// Weights of one direction: `[gates * hidden, inputs]`, `[gates * hidden, hidden]`, and two biases.
struct Weights {
    input: Value,
    recurrent: Value,
    input_bias: Value,
    recurrent_bias: Value,
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
    let gates = match call.op() {
        "LSTM" => 4,
        "GRU" => 3,
        _ => 1,
    };
    ensure_plain(importer, call, steps)?;
    let recurrent = importer.input(call, 2)?;
    let &[directions, _, hidden] = importer.dims(&recurrent).as_slice() else {
        return call.refuse("the recurrent weights must have 3 dimensions");
    };
    let rows = importer.reshape(&call.part("rows"), &x, &[steps * batch, inputs])?;
    let layer = Layer { call, gates, hidden, steps, batch, rows };
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
    for (k, of) in
        [(1, (|s: &State| s.hidden.clone()) as fn(&State) -> Option<Value>), (2, |s| s.cell.clone())]
    {
        if call.node.output.get(k).is_none_or(String::is_empty) {
            continue;
        }
        let mut states = Vec::new();
        for value in last.iter().filter_map(of) {
            states.push(importer.reshape(&call.part("state"), &value, &[1, batch, hidden])?);
        }
        let state = importer.joined(&call.part(&format!("states {k}")), &states, 0)?;
        importer.set(call, k, order(state, &[1, 0, 2]))?;
    }
    Ok(())
}

/// Refuses what the unrolled layer does not honour.
fn ensure_plain(importer: &mut Importer<'_>, call: &Call<'_>, steps: usize) -> Result<(), Failure> {
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
    let known: &[&[u8]] = match call.op() {
        "LSTM" => &[b"Sigmoid", b"Tanh", b"Tanh"],
        "GRU" => &[b"Sigmoid", b"Tanh"],
        _ => return Ok(()),
    };
    match names.chunks(known.len()).all(|names| names == known) {
        true => Ok(()),
        false => call.refuse("activations other than the usual ones are not supported"),
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
        let units = self.gates * self.hidden;
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
        Ok(Weights { input, recurrent, input_bias, recurrent_bias })
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
                self.part_of(importer, &value, d, name).map(Some)
            }
            None => Ok::<_, Failure>(None),
        };
        let hidden = state(5, "initial state")?;
        let cell = if self.gates == 4 { state(6, "initial cell")? } else { None };
        Ok(State { hidden, cell })
    }

    /// All steps of direction `d`: the hidden states `[steps, 1, batch, hidden]`, and the last state.
    fn run(&self, importer: &mut Importer<'_>, d: usize, backwards: bool) -> Result<(Value, State), Failure> {
        let weights = self.weights(importer, d)?;
        let mut state = self.start(importer, d)?;
        // A reset gate between needs the recurrent bias apart.
        let name = self.call.part(&format!("inputs {d}"));
        let bias = match self.gates {
            3 => weights.input_bias.clone(),
            _ => {
                let both = [&weights.input_bias, &weights.recurrent_bias];
                importer.binary(&self.call.part(&format!("bias {d}")), Add::default(), both, None)?
            }
        };
        let inputs = importer.connected(&name, &self.rows, &weights.input, Some(&bias))?;
        let mut sequence = vec![None; self.steps];
        let order: Vec<usize> =
            if backwards { (0..self.steps).rev().collect() } else { (0..self.steps).collect() };
        for t in order {
            let name = self.call.part(&format!("{d}/{t}"));
            let (from, to) = ((t * self.batch) as i64, ((t + 1) * self.batch) as i64);
            let x = importer.cut(&format!("{name}/input"), &inputs, &[(0, from, to, 1)])?;
            let mut step = Step { importer, layer: self, weights: &weights, name: &name };
            state = match self.gates {
                4 => step.lstm(x, &state)?,
                3 => step.gru(x, &state)?,
                _ => step.rnn(x, &state)?,
            };
            if let (Some(place), Some(hidden)) = (sequence.get_mut(t), &state.hidden) {
                let shape = [1, 1, self.batch, self.hidden];
                *place = Some(importer.reshape(&format!("{name}/step"), hidden, &shape)?);
            }
        }
        let sequence: Vec<Value> = sequence.into_iter().flatten().collect();
        let name = self.call.part(&format!("sequence {d}"));
        Ok((importer.joined(&name, &sequence, 0)?, state))
    }
}

/// One step of one direction.
struct Step<'s, 'm, 'c> {
    importer: &'s mut Importer<'m>,
    layer: &'s Layer<'c>,
    weights: &'s Weights,
    name: &'s str,
}

impl Step<'_, '_, '_> {
    fn both(&mut self, what: &str, op: impl Into<Operation>, a: &Value, b: &Value) -> Result<Value, Failure> {
        self.importer.binary(&format!("{}/{what}", self.name), op, [a, b], None)
    }

    fn of(&mut self, what: &str, op: impl Into<Operation>, x: &Value) -> Result<Value, Failure> {
        self.importer.unary(&format!("{}/{what}", self.name), op, x)
    }

    /// Units `gate` of a product.
    fn gate(&mut self, what: &str, product: &Value, gate: usize) -> Result<Value, Failure> {
        let (from, to) = (gate * self.layer.hidden, (gate + 1) * self.layer.hidden);
        let cut = [(1, from as i64, to as i64, 1)];
        self.importer.cut(&format!("{}/{what}", self.name), product, &cut)
    }

    /// `hidden * transposed(recurrent weights) + bias`.
    fn recurrent(&mut self, hidden: &Value, bias: Option<&Value>) -> Result<Value, Failure> {
        let name = format!("{}/recurrent", self.name);
        self.importer.connected(&name, hidden, &self.weights.recurrent, bias)
    }

    /// `c = f * c + i * g`, `h = o * tanh(c)`; the gates stand in the order i, o, f, g.
    fn lstm(&mut self, x: Value, state: &State) -> Result<State, Failure> {
        let sum = match &state.hidden {
            Some(hidden) => {
                let product = self.recurrent(hidden, None)?;
                self.both("sum", Add::default(), &x, &product)?
            }
            None => x,
        };
        let mut gate = |what: &str, k: usize| self.gate(what, &sum, k);
        let [i, o, f, g] = [gate("in", 0)?, gate("out", 1)?, gate("keep", 2)?, gate("new", 3)?];
        let (i, g) = (self.of("in gate", Logistic {}, &i)?, self.of("new values", Tanh {}, &g)?);
        let new = self.both("added", Mul::default(), &i, &g)?;
        let cell = match &state.cell {
            Some(cell) => {
                let f = self.of("keep gate", Logistic {}, &f)?;
                let kept = self.both("kept", Mul::default(), &f, cell)?;
                self.both("cell", Add::default(), &kept, &new)?
            }
            None => new,
        };
        let o = self.of("out gate", Logistic {}, &o)?;
        let shown = self.of("shown", Tanh {}, &cell)?;
        let hidden = self.both("hidden", Mul::default(), &o, &shown)?;
        Ok(State { hidden: Some(hidden), cell: Some(cell) })
    }

    /// `h = g + z * (h - g)`; the gates stand in the order z, r, g.
    fn gru(&mut self, x: Value, state: &State) -> Result<State, Failure> {
        let after_product = self.layer.call.int("linear_before_reset", 0) != 0;
        let hidden = match &state.hidden {
            Some(hidden) => hidden.clone(),
            None => {
                let (batch, size) = (self.layer.batch, self.layer.hidden);
                let zeros = vec![0.0; batch * size];
                let zeros =
                    self.importer.builder.floats(&format!("{}/zeros", self.name), &[batch, size], &zeros)?;
                self.importer.new_value(zeros)
            }
        };
        let bias = self.weights.recurrent_bias.clone();
        let product = self.recurrent(&hidden, Some(&bias))?;
        let mut sums = Vec::new();
        for (k, what) in ["update", "reset"].into_iter().enumerate() {
            let (a, b) =
                (self.gate(&format!("{what} x"), &x, k)?, self.gate(&format!("{what} h"), &product, k)?);
            let sum = self.both(&format!("{what} sum"), Add::default(), &a, &b)?;
            sums.push(self.of(&format!("{what} gate"), Logistic {}, &sum)?);
        }
        let [z, r] = sums.as_slice() else { return Err(Failure::new("two gates")) };
        let new_x = self.gate("new x", &x, 2)?;
        let new_h = if after_product {
            let h = self.gate("new h", &product, 2)?;
            self.both("new reset", Mul::default(), r, &h)?
        } else {
            let size = self.layer.hidden as i64;
            let reset = self.both("reset state", Mul::default(), r, &hidden)?;
            let name = format!("{}/new", self.name);
            let rows = [(0, 2 * size, 3 * size, 1)];
            let weights = self.importer.cut(&format!("{name} weights"), &self.weights.recurrent, &rows)?;
            let bias = self.importer.cut(&format!("{name} bias"), &bias, &rows)?;
            self.importer.connected(&format!("{name} h"), &reset, &weights, Some(&bias))?
        };
        let new = self.both("new sum", Add::default(), &new_x, &new_h)?;
        let new = self.of("new values", Tanh {}, &new)?;
        let change = self.both("change", Sub::default(), &hidden, &new)?;
        let kept = self.both("kept", Mul::default(), z, &change)?;
        let hidden = self.both("hidden", Add::default(), &new, &kept)?;
        Ok(State { hidden: Some(hidden), cell: None })
    }

    fn rnn(&mut self, x: Value, state: &State) -> Result<State, Failure> {
        let sum = match &state.hidden {
            Some(hidden) => {
                let product = self.recurrent(hidden, None)?;
                self.both("sum", Add::default(), &x, &product)?
            }
            None => x,
        };
        let given = self.layer.call.node.attribute.iter().find(|a| a.name == "activations");
        let hidden = match given.and_then(|a| a.strings.first()).map(Vec::as_slice) {
            None | Some(b"Tanh") => self.of("hidden", Tanh {}, &sum)?,
            Some(b"Relu") => self.of("hidden", Relu {}, &sum)?,
            Some(other) => {
                let other = String::from_utf8_lossy(other);
                return self.layer.call.refuse(format!("the activation '{other}' is not supported"));
            }
        };
        Ok(State { hidden: Some(hidden), cell: None })
    }
}
