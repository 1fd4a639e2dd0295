//! The types of a quantized model's inputs and outputs.

use sedge_schema::TensorType;
use sedge_schema::op::{Dequantize, Op, Quantize};

use super::Options;
use crate::graph::{Graph, Links, Node, NodeId, Tensor, TensorId};

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
            read_real(graph, inner, outer);
        }
    }
    if options.outputs == BorderType::Float32 {
        for i in 0..graph.outputs.len() {
            let Some(&inner) = graph.outputs.get(i) else { continue };
            if let Some(real) = real_source(graph, inner) {
                exchange(graph, inner, real);
                rename(graph, inner, "quantized");
                continue;
            }
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

/// The real values that the integers `inner` are made of: those of an operator that stays in float32.
fn real_source(graph: &Graph, inner: TensorId) -> Option<TensorId> {
    let producer = Links::of(graph).producer(inner).map(|id| graph.node(id))?;
    let real = producer.input(0).filter(|_| matches!(producer.op.known(), Some(Op::Quantize(_))))?;
    let is_free = !graph.inputs.contains(&real) && !graph.outputs.contains(&real);
    (is_free && graph.tensor(real).tensor_type == TensorType::Float32).then_some(real)
}

/// Lets operators in float32 read the input itself, and not what its integers stand for.
fn read_real(graph: &mut Graph, inner: TensorId, outer: TensorId) {
    for id in Links::of(graph).consumers(inner).to_vec() {
        let node = graph.node(id);
        let output = node.outputs.first().copied().filter(|t| !graph.outputs.contains(t));
        if let (Some(Op::Dequantize(_)), Some(output)) = (node.op.known(), output) {
            graph.replace_uses(output, outer);
            graph.remove(id);
        }
    }
}

/// Takes QUANTIZE behind inputs and DEQUANTIZE before outputs away where integers are asked for.
pub(super) fn strip(graph: &mut Graph, options: &Options) {
    let links = Links::of(graph);
    for outer in graph.inputs.clone() {
        let inner = inner_of_input(graph, &links, outer).filter(|_| options.inputs == BorderType::Int8);
        if let Some((nodes, inner)) = inner {
            for id in nodes {
                let output = graph.node(id).outputs.first().copied().unwrap_or(inner);
                graph.replace_uses(output, inner);
                graph.remove(id);
            }
            exchange(graph, outer, inner);
        }
    }
    for outer in graph.outputs.clone() {
        let producer = links.producer(outer).filter(|_| options.outputs == BorderType::Int8);
        let inner = producer.map(|id| graph.node(id)).and_then(|node| match node.op.known() {
            Some(Op::Dequantize(_)) => node.input(0).filter(|&t| !graph.tensor(t).is_constant()),
            _ => None,
        });
        if let Some(inner) = inner {
            exchange(graph, outer, inner);
        }
    }
}

/// The QUANTIZE nodes that are all that reads an input of real values, and the integers that they write, where these
/// have one scale.
fn inner_of_input(graph: &Graph, links: &Links, outer: TensorId) -> Option<(Vec<NodeId>, TensorId)> {
    let nodes = links.consumers(outer).to_vec();
    let written = |id: &NodeId| match graph.node(*id).op.known() {
        Some(Op::Quantize(_)) => graph.node(*id).outputs.first().copied(),
        _ => None,
    };
    let inner = written(nodes.first()?)?;
    let same = |t: TensorId| {
        let (a, b) = (graph.tensor(inner), graph.tensor(t));
        (a.tensor_type, &a.quantization) == (b.tensor_type, &b.quantization)
    };
    let is_needed = graph.outputs.contains(&outer) || graph.tensor(outer).tensor_type != TensorType::Float32;
    (!is_needed && nodes.iter().all(|id| written(id).is_some_and(same))).then_some((nodes, inner))
}

/// Makes the integers `inner` the model's input or output in the place of `outer`, under its name.
fn exchange(graph: &mut Graph, outer: TensorId, inner: TensorId) {
    let name = graph.tensor(outer).name.clone();
    graph.tensor_mut(inner).name = name;
    let signatures = graph.signatures.iter_mut();
    let named = signatures.flat_map(|s| s.inputs.iter_mut().chain(&mut s.outputs)).map(|(_, t)| t);
    let all = graph.inputs.iter_mut().chain(&mut graph.outputs).chain(named);
    all.filter(|t| **t == outer).for_each(|t| *t = inner);
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
