//! Keras models: `.h5` (configuration and weights as Keras 2 and 3 write them) and `.keras` (Keras 3).
//!
//! ```text
//! file -> configuration (JSON) and weights (HDF5) -> layers in order -> one handler for each layer -> Graph
//! ```
//!
//! Keras stores images with their channels last, as the graph does. A batch that is left open becomes 1.
//! Source: <https://keras.io/api/models/model_saving_apis/>, and the files that Keras writes.

mod activation;
mod attention;
mod config;
mod convolution;
mod dense;
mod file;
mod merge;
mod nested;
mod operation;
mod pooling;
mod recurrent;
mod shape;

use std::collections::HashMap;

use sedge_schema::TensorType;

use super::Options;
use super::builder::{Builder, shape as shape_of};
use crate::Failure;
use crate::graph::{Graph, Tensor, TensorId};
use config::{Layer, Model, Reference};
use file::Weights;

pub(super) use file::{is_hdf5, is_keras};

/// What reads one kind of layer: its inputs, with what it is; gives its outputs.
type Handler = fn(&mut Importer<'_>, &Layer, &[TensorId]) -> Result<TensorId, Failure>;

fn handler(class: &str) -> Option<Handler> {
    activation::handler(class)
        .or_else(|| attention::handler(class))
        .or_else(|| convolution::handler(class))
        .or_else(|| dense::handler(class))
        .or_else(|| merge::handler(class))
        .or_else(|| operation::handler(class))
        .or_else(|| pooling::handler(class))
        .or_else(|| recurrent::handler(class))
        .or_else(|| shape::handler(class))
}

/// A model that is being read.
struct Importer<'w> {
    builder: Builder,
    weights: &'w Weights,
}

pub(super) fn import(name: &str, bytes: &[u8], options: &Options) -> Result<Graph, Failure> {
    let (config, weights) = file::open(name, bytes)?;
    let model = Model::of(name, &config)?;
    let unknown: Vec<String> = model
        .layers
        .iter()
        .filter(|layer| layer.class != "InputLayer" && handler(&layer.class).is_none())
        .map(|layer| format!("{} '{}'", layer.class, layer.name))
        .collect();
    if !unknown.is_empty() {
        return Err(Failure::new(format!("'{name}' has layers that Sedge cannot convert")).help(format!(
            "{}\na way around: export the model (model.export('folder')) and convert the folder",
            unknown.join("\n")
        )));
    }
    let known: Vec<&str> = model.inputs.iter().map(|i| i.layer.as_str()).collect();
    options.ensure_inputs(name, &known)?;
    let mut importer = Importer { builder: Builder::default(), weights: &weights };
    importer.builder.graph.name = model.name.clone();
    let mut values: HashMap<Reference, TensorId> = HashMap::new();
    let mut problems = Vec::new();
    // A layer may be applied more than once; its calls come in the order in which their inputs are known.
    let mut left: Vec<(&Layer, usize)> = model
        .layers
        .iter()
        .flat_map(|layer| (0..layer.calls.len().max(1)).map(move |call| (layer, call)))
        .collect();
    while !left.is_empty() {
        let before = left.len();
        let mut waiting = Vec::new();
        for (layer, call) in left {
            let key = Reference { layer: layer.name.clone(), call, output: 0 };
            if layer.class == "InputLayer" {
                values.insert(key, importer.input(layer, options)?);
                continue;
            }
            let sources = layer.calls.get(call).map(Vec::as_slice).unwrap_or_default();
            let inputs: Option<Vec<TensorId>> = sources.iter().map(|s| values.get(s).copied()).collect();
            let Some(inputs) = inputs else {
                waiting.push((layer, call));
                continue;
            };
            let refused = layer.is_masked().then(|| Err(Failure::new("masks are not supported")));
            let read = |read: Handler| refused.unwrap_or_else(|| read(&mut importer, layer, &inputs));
            match handler(&layer.class).map(read) {
                Some(Ok(value)) => {
                    values.insert(key, value);
                }
                Some(Err(failure)) => {
                    problems.push(format!("{} '{}': {}", layer.class, layer.name, failure.line()))
                }
                None => {}
            }
        }
        if waiting.len() == before || !problems.is_empty() {
            left = waiting;
            break;
        }
        left = waiting;
    }
    if !problems.is_empty() {
        return Err(Failure::new(format!("'{name}' cannot be converted whole")).help(problems.join("\n")));
    }
    if let Some((layer, _)) = left.first() {
        return Err(Failure::new(format!("the layer '{}' waits for layers that wait for it", layer.name))
            .help("make sure that the file was copied whole"));
    }
    for input in &model.inputs {
        let tensor = values.get(input).copied().ok_or_else(|| missing(&input.layer))?;
        importer.builder.graph.inputs.push(tensor);
    }
    for output in &model.outputs {
        let tensor = values.get(output).copied().ok_or_else(|| missing(&output.layer))?;
        importer.builder.give_out(&output.layer, tensor)?;
    }
    importer.builder.finish(name)
}

fn missing(layer: &str) -> Failure {
    Failure::new(format!("no layer '{layer}' gives a value")).help("make sure that the file was copied whole")
}

impl Importer<'_> {
    fn input(&mut self, layer: &Layer, options: &Options) -> Result<TensorId, Failure> {
        let dims = match options.shape_of(&layer.name) {
            Some(given) => given.iter().map(|&d| d as usize).collect(),
            None => layer.input_shape()?,
        };
        let kind = match layer.text("dtype", "float32") {
            "float32" | "float16" | "bfloat16" | "float64" => TensorType::Float32,
            "int32" => TensorType::Int32,
            "int64" => TensorType::Int64,
            "bool" => TensorType::Bool,
            other => return Err(Failure::new(format!("the input '{}' holds {other}", layer.name))),
        };
        let shape = shape_of(&layer.name, &dims)?;
        Ok(self.builder.graph.add_tensor(Tensor::computed(layer.name.as_str(), kind, shape)))
    }

    fn dims(&self, tensor: TensorId) -> Vec<usize> {
        self.builder.dims(tensor)
    }

    /// A layer's weights by their role, such as `kernel`; `order` is that of the class, for files that only count them.
    fn weight(&self, layer: &Layer, role: &str, order: &[&str]) -> Result<(Vec<usize>, Vec<f32>), Failure> {
        self.weights.get(&layer.owner, &layer.part, role, order.iter().position(|r| *r == role)).ok_or_else(
            || {
                Failure::new(format!("the file has no weights '{role}' for it"))
                    .help("save the model with its weights: model.save()")
            },
        )
    }

    /// A layer's weights as a constant, called as the layer and their role.
    fn constant(
        &mut self,
        layer: &Layer,
        name: &str,
        role: &str,
        order: &[&str],
    ) -> Result<TensorId, Failure> {
        let (dims, values) = self.weight(layer, role, order)?;
        self.builder.floats(&format!("{name}/{role}"), &dims, &values)
    }

    /// An operator of float32 with one output.
    fn emit(
        &mut self,
        name: &str,
        op: impl Into<crate::graph::Operation>,
        inputs: &[TensorId],
    ) -> Result<TensorId, Failure> {
        self.builder.emit(name, op, inputs, TensorType::Float32)
    }

    /// The tensor with other dimensions.
    fn reshape(&mut self, name: &str, tensor: TensorId, dims: &[usize]) -> Result<TensorId, Failure> {
        self.builder.reshape(name, tensor, dims)
    }
}

/// The only input of a layer that has one.
fn only(inputs: &[TensorId]) -> Result<TensorId, Failure> {
    match inputs {
        &[input] => Ok(input),
        _ => Err(Failure::new(format!("it has {} inputs, not one", inputs.len()))),
    }
}

/// Images with their channels first are another layout than the graph's.
fn ensure_channels_last(layer: &Layer) -> Result<(), Failure> {
    match layer.text("data_format", "channels_last") {
        "channels_last" => Ok(()),
        other => Err(Failure::new(format!("data_format '{other}' is not supported"))),
    }
}
