//! What the caller gives and reads: integers, or real numbers behind QUANTIZE and DEQUANTIZE.

use sedge_schema::TensorType;
use sedge_schema::op::{Dequantize, Quantize};

use super::Options;
use crate::graph::{Graph, Node, Tensor, TensorId};

/// The type of inputs or outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BorderType {
    /// Integers, as the model works on them.
    #[default]
    Int8,
    /// Real numbers, converted inside the model.
    Float32,
}

pub(super) fn convert(graph: &mut Graph, options: &Options) {
    if options.input_type == BorderType::Float32 {
        for outer in graph.inputs.clone() {
            if let Some(inner) = split(graph, outer) {
                graph.push_front(node(Quantize {}.into(), outer, inner));
            }
        }
    }
    if options.output_type == BorderType::Float32 {
        for outer in graph.outputs.clone() {
            if let Some(inner) = split(graph, outer) {
                graph.push(node(Dequantize {}.into(), inner, outer));
            }
        }
    }
}

fn node(op: crate::graph::Operation, from: TensorId, to: TensorId) -> Node {
    Node { name: String::new(), op, inputs: vec![Some(from)], outputs: vec![to] }
}

/// Makes a quantized tensor real, and gives all nodes another one in its place; `None` where it is
/// not quantized.
fn split(graph: &mut Graph, outer: TensorId) -> Option<TensorId> {
    let tensor = graph.tensor(outer);
    if tensor.tensor_type != TensorType::Int8 || tensor.quantization.is_none() {
        return None;
    }
    let inner = Tensor { name: format!("{}_int8", tensor.name), ..tensor.clone() };
    let inner = graph.add_tensor(inner);
    let tensor = graph.tensor_mut(outer);
    tensor.tensor_type = TensorType::Float32;
    tensor.quantization = None;
    for id in graph.node_ids() {
        let node = graph.node_mut(id);
        for t in node.inputs.iter_mut().flatten().chain(&mut node.outputs).filter(|t| **t == outer) {
            *t = inner;
        }
    }
    Some(inner)
}
