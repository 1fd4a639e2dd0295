//! The types of a quantized model's inputs and outputs.

use sedge_schema::TensorType;
use sedge_schema::op::{Dequantize, Quantize};

use super::Options;
use crate::graph::{Graph, Node, Tensor, TensorId};

/// The type of a quantized model's inputs or outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum BorderType {
    /// Integers, as the model computes with them.
    #[default]
    #[value(alias = "int16", alias = "integer")]
    Int8,
    /// Real values, converted inside the model.
    Float32,
}

/// Puts QUANTIZE after inputs and DEQUANTIZE before outputs that shall hold real values.
pub(super) fn set(graph: &mut Graph, options: &Options) {
    if options.inputs == BorderType::Float32 {
        for i in 0..graph.inputs.len() {
            let Some(&inner) = graph.inputs.get(i) else { continue };
            let Some(outer) = real_twin(graph, inner) else { continue };
            let outputs = graph.outputs.clone();
            graph.push_front(Node {
                name: String::new(),
                op: Quantize {}.into(),
                inputs: vec![Some(outer)],
                outputs: vec![inner],
            });
            graph.outputs = outputs;
            rename(graph, inner, "quantized");
            if let Some(input) = graph.inputs.get_mut(i) {
                *input = outer;
            }
            for signature in &mut graph.signatures {
                signature.inputs.iter_mut().filter(|(_, t)| *t == inner).for_each(|(_, t)| *t = outer);
            }
        }
    }
    if options.outputs == BorderType::Float32 {
        for i in 0..graph.outputs.len() {
            let Some(&inner) = graph.outputs.get(i) else { continue };
            let Some(outer) = real_twin(graph, inner) else { continue };
            graph.push(Node {
                name: String::new(),
                op: Dequantize {}.into(),
                inputs: vec![Some(inner)],
                outputs: vec![outer],
            });
            rename(graph, inner, "quantized");
            if let Some(output) = graph.outputs.get_mut(i) {
                *output = outer;
            }
            for signature in &mut graph.signatures {
                signature.outputs.iter_mut().filter(|(_, t)| *t == inner).for_each(|(_, t)| *t = outer);
            }
        }
    }
}

/// A float32 tensor with the name and shape of a quantized one; `None` where that is none.
fn real_twin(graph: &mut Graph, inner: TensorId) -> Option<TensorId> {
    let tensor = graph.tensor(inner);
    if !matches!(tensor.tensor_type, TensorType::Int8 | TensorType::Int16) || tensor.quantization.is_none() {
        return None;
    }
    let twin = Tensor { tensor_type: TensorType::Float32, quantization: None, ..tensor.clone() };
    Some(graph.add_tensor(twin))
}

fn rename(graph: &mut Graph, tensor: TensorId, suffix: &str) {
    let tensor = graph.tensor_mut(tensor);
    tensor.name = format!("{}/{suffix}", tensor.name);
}
