//! Models of other makers into the converter's graph: one file or folder for each format.

pub(crate) mod builder;
mod einsum;
mod formula;
mod keras;
mod layers;
mod onnx;
mod recurrent;
mod saved_model;
mod tflite;

use std::path::Path;

use crate::Failure;
use crate::graph::{Graph, Signature, TensorId};

/// A model as it lies on disk.
#[derive(Clone, Copy, Debug)]
pub struct Source<'s> {
    /// What it is called in messages.
    pub name: &'s str,
    /// Its bytes.
    pub bytes: &'s [u8],
    /// The folder that it lies in, where weights may lie in files beside it.
    pub folder: Option<&'s Path>,
}

impl<'s> Source<'s> {
    /// A model that is whole in itself.
    pub fn new(name: &'s str, bytes: &'s [u8]) -> Self {
        Self { name, bytes, folder: None }
    }
}

/// What the user asks of a model's inputs and outputs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Shapes for inputs, by their names; others keep what the model says.
    pub input_shapes: Vec<(String, Vec<u32>)>,
    /// Whether images go in and come out with their channels last, whatever the source has.
    pub channels_last: bool,
    /// Which of a SavedModel's entry points is converted; the one for serving where none is named.
    pub signature: Option<String>,
}

impl Options {
    /// The shape asked for an input.
    fn shape_of(&self, input: &str) -> Option<&[u32]> {
        self.input_shapes.iter().find(|(name, _)| name == input).map(|(_, shape)| shape.as_slice())
    }

    /// Makes sure that shapes are asked for inputs that exist.
    fn ensure_inputs(&self, model: &str, known: &[&str]) -> Result<(), Failure> {
        match self.input_shapes.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => Err(Failure::usage(format!("'{model}' has no input '{name}'"))
                .help(format!("its inputs are {}", known.join(", ")))),
        }
    }
}

/// The most problems that a message names.
const MAX_NAMED: usize = 20;

/// Fails with all of these problems, if there are any.
fn named_problems(message: String, problems: Vec<String>) -> Result<(), Failure> {
    if problems.is_empty() {
        return Ok(());
    }
    let more = problems.len().saturating_sub(MAX_NAMED);
    let mut list = problems.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join("\n");
    if more != 0 {
        list += &format!("\nand {more} more");
    }
    Err(Failure::new(message).help(list))
}

/// The entry point that tools look for, with the names of inputs and outputs; `.tflite` files keep their own.
fn signed(mut graph: Graph) -> Graph {
    let named = |tensors: &[TensorId]| tensors.iter().map(|&t| (graph.tensor(t).name.clone(), t)).collect();
    let (inputs, outputs) = (named(&graph.inputs), named(&graph.outputs));
    graph.signatures = vec![Signature { key: "serving_default".to_owned(), inputs, outputs }];
    graph
}

/// Reads a model of any format that Sedge knows.
///
/// # Errors
/// Where the format is not known, or the model cannot be taken over whole.
pub fn import(source: &Source<'_>, options: &Options) -> Result<Graph, Failure> {
    let Source { name, bytes, folder } = *source;
    if options.signature.is_some() && !saved_model::is_saved_model(name) {
        return Err(Failure::usage(format!("'{name}' is no SavedModel: there is no signature to choose"))
            .help("leave --signature out"));
    }
    if bytes.get(4..8) == Some(b"TFL3") {
        return tflite::import(name, bytes, options);
    }
    if onnx::is_onnx(name, bytes) {
        return onnx::import(name, bytes, folder, options).map(signed);
    }
    if keras::is_hdf5(bytes) || keras::is_keras(name, bytes) {
        return keras::import(name, bytes, options).map(signed);
    }
    if saved_model::is_saved_model(name) {
        return saved_model::import(name, bytes, folder, options).map(signed);
    }
    Err(Failure::new(format!("'{name}' is in no format that Sedge can convert"))
        .help("TFLite (.tflite), ONNX (.onnx), Keras models (.keras, .h5) and TensorFlow's SavedModels (the folder) can be converted"))
}
