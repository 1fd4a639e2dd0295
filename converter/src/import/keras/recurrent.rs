//! Recurrent layers, in one direction or both, and layers that are applied to each step.
//!
//! Keras orders an LSTM's gates i, f, g, o; they are brought into the order in which steps are written out ([`Cell`]).

use sedge_schema::op::{Add, Concatenation, Mul, Pack};

use super::config::Layer;
use super::{Handler, Importer, handler as handler_of, only};
use crate::Failure;
use crate::graph::TensorId;
use crate::import::recurrent::{self, Cell, MAX_STEPS, State, Weights};

/// Weights in the order in which Keras stores them.
const ORDER: [&str; 3] = ["kernel", "recurrent_kernel", "bias"];

pub(super) fn handler(class: &str) -> Option<Handler> {
    Some(match class {
        "Bidirectional" => bidirectional,
        "GRU" | "LSTM" | "SimpleRNN" => |i, l, x| {
            let backwards = l.flag("go_backwards", false);
            let mut steps = i.steps(l, only(x)?, backwards)?;
            // They come out as they were computed.
            if backwards {
                steps.all.reverse();
            }
            i.shown(l, &l.name, &steps)
        },
        "TimeDistributed" => each_step,
        _ => return None,
    })
}

/// The hidden states of all steps, and the last one.
struct Steps {
    all: Vec<TensorId>,
    last: TensorId,
}

/// The cell of a layer; refuses what is not honoured.
fn cell(layer: &Layer) -> Result<Cell, Failure> {
    for key in ["stateful", "return_state", "time_major"] {
        if layer.flag(key, false) {
            return Err(Failure::new(format!("{key} is not supported")));
        }
    }
    let activation = layer.text("activation", "tanh");
    let gate = layer.text("recurrent_activation", "sigmoid");
    match (layer.class.as_str(), activation, gate) {
        ("LSTM", "tanh", "sigmoid") => Ok(Cell::Lstm),
        ("GRU", "tanh", "sigmoid") => Ok(Cell::Gru { reset_after: layer.flag("reset_after", false) }),
        ("SimpleRNN", "tanh", _) => Ok(Cell::Simple { is_relu: false }),
        ("SimpleRNN", "relu", _) => Ok(Cell::Simple { is_relu: true }),
        ("LSTM" | "GRU" | "SimpleRNN", ..) => {
            Err(Failure::new(format!("the activations '{activation}' and '{gate}' are not supported")))
        }
        (class, ..) => Err(Failure::new(format!("{class} has no steps"))),
    }
}

/// Columns in blocks of `hidden`, `[inputs, blocks * hidden]`, as rows in another order of the blocks.
fn rows(values: &[f32], inputs: usize, hidden: usize, blocks: &[usize]) -> Vec<f32> {
    let width = blocks.len() * hidden;
    let mut moved = Vec::with_capacity(values.len());
    for &block in blocks {
        for unit in 0..hidden {
            let at = |input: usize| input * width + block * hidden + unit;
            moved.extend((0..inputs).map(|input| values.get(at(input)).copied().unwrap_or(0.0)));
        }
    }
    moved
}

impl Importer<'_> {
    fn cell_weights(&mut self, layer: &Layer, cell: Cell, hidden: usize) -> Result<Weights, Failure> {
        let blocks: &[usize] = match cell {
            Cell::Lstm => &[0, 3, 1, 2],
            Cell::Gru { .. } => &[0, 1, 2],
            Cell::Simple { .. } => &[0],
        };
        let units = blocks.len() * hidden;
        let mut matrix = |role: &str| -> Result<TensorId, Failure> {
            let (dims, values) = self.weight(layer, role, &ORDER)?;
            let &[inputs, width] = dims.as_slice() else {
                return Err(Failure::new(format!("its {role} has the shape {dims:?}")));
            };
            if width != units {
                return Err(Failure::new(format!("its {role} is not that of {hidden} units")));
            }
            let moved = rows(&values, inputs, hidden, blocks);
            self.builder.floats(&format!("{}/{role}", layer.name), &[units, inputs], &moved)
        };
        let (input, recurrent) = (matrix("kernel")?, matrix("recurrent_kernel")?);
        let bias = match layer.flag("use_bias", true) {
            true => self.weight(layer, "bias", &ORDER)?.1,
            false => Vec::new(),
        };
        // The second row, where there is one, is the state's.
        let mut biases = bias.chunks(units).map(|row| rows(row, 1, hidden, blocks));
        let mut next = |builder: &mut crate::import::builder::Builder, name: &str| {
            let row = biases.next().unwrap_or_else(|| vec![0.0; units]);
            builder.floats(&format!("{}/{name}", layer.name), &[units], &row)
        };
        let input_bias = next(&mut self.builder, "bias")?;
        let recurrent_bias = next(&mut self.builder, "recurrent bias")?;
        Ok(Weights { input, recurrent, input_bias, recurrent_bias })
    }

    /// A layer over `x [batch, steps, inputs]`.
    fn steps(&mut self, layer: &Layer, x: TensorId, backwards: bool) -> Result<Steps, Failure> {
        let cell = cell(layer)?;
        let &[batch, steps, inputs] = self.dims(x).as_slice() else {
            return Err(Failure::new(format!("its input has the shape {:?}", self.dims(x))));
        };
        if steps == 0 || steps > MAX_STEPS {
            return Err(Failure::new(format!("{steps} steps cannot be unrolled, at most {MAX_STEPS}")));
        }
        let hidden = layer.size("units")?;
        if hidden == 0 {
            return Err(Failure::new("it has no units"));
        }
        let weights = self.cell_weights(layer, cell, hidden)?;
        let name = &layer.name;
        let order: &[usize] = if batch == 1 { &[0, 1, 2] } else { &[1, 0, 2] };
        let rows = self.builder.transpose(&format!("{name}/steps"), x, order)?;
        let rows = self.reshape(&format!("{name}/rows"), rows, &[steps * batch, inputs])?;
        let inner = recurrent::Layer { name, cell, hidden, steps, batch, rows, backwards };
        let (all, state) = inner.run(&mut self.builder, &weights, State::default())?;
        let last = state.hidden.ok_or_else(|| Failure::new("it has no steps"))?;
        Ok(Steps { all, last })
    }

    /// What a layer gives: all states `[batch, steps, hidden]`, or the last.
    fn shown(&mut self, layer: &Layer, name: &str, steps: &Steps) -> Result<TensorId, Failure> {
        if !layer.flag("return_sequences", false) {
            return Ok(steps.last);
        }
        let op = Pack { axis: 1, values_count: steps.all.len() as i32 };
        self.emit(&format!("{name}/sequence"), op, &steps.all)
    }
}

fn bidirectional(
    importer: &mut Importer<'_>,
    layer: &Layer,
    inputs: &[TensorId],
) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let mut results = Vec::new();
    for (key, within) in [("layer", "forward"), ("backward_layer", "backward")] {
        let given = if layer.config[key].is_null() { "layer" } else { key };
        let inner = layer.inner(given, within)?;
        if key == "layer" && inner.flag("go_backwards", false) {
            return Err(Failure::new("go_backwards inside of it is not supported"));
        }
        let steps = importer.steps(&inner, x, within == "backward")?;
        results.push(importer.shown(&inner, &inner.name, &steps)?);
    }
    let name = &layer.name;
    match layer.text("merge_mode", "") {
        "concat" => importer.emit(name, Concatenation { axis: -1, ..Concatenation::default() }, &results),
        "sum" => importer.emit(name, Add::default(), &results),
        "mul" => importer.emit(name, Mul::default(), &results),
        "ave" => {
            let sum = importer.emit(&format!("{name}/both"), Add::default(), &results)?;
            let half = importer.scalar(&format!("{name}/half"), 0.5)?;
            importer.emit(name, Mul::default(), &[sum, half])
        }
        _ => Err(Failure::new("two outputs (merge_mode None) are not supported")),
    }
}

/// Steps are rows of a batch to the layer inside.
fn each_step(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let inner = layer.inner("layer", "")?;
    let read = handler_of(&inner.class)
        .ok_or_else(|| Failure::new(format!("the layer {} inside of it is not supported", inner.class)))?;
    let dims = importer.dims(x);
    let (&[batch, steps], rest) = dims
        .split_first_chunk::<2>()
        .ok_or_else(|| Failure::new(format!("its input has the shape {dims:?}")))?;
    let rows = importer.reshape(&format!("{}/rows", layer.name), x, &[&[batch * steps], rest].concat())?;
    let result = read(importer, &inner, &[rows])?;
    let made = importer.dims(result);
    let made = [&[batch, steps], made.get(1..).unwrap_or_default()].concat();
    importer.reshape(&layer.name, result, &made)
}
