//! Operators that stay in float32 amid integers: a DEQUANTIZE before them, a QUANTIZE behind them.

use std::collections::{HashMap, HashSet};

use sedge_schema::op::{Dequantize, Quantize};

use super::assign::is_activation;
use crate::graph::{Graph, Node, NodeId, Tensor, TensorId};

/// What does not become integers.
#[derive(Debug, Default)]
pub(super) struct Apart {
    /// Operators that stay in float32.
    pub(super) nodes: HashSet<NodeId>,
    /// Tensors that hold the real values between them.
    pub(super) real: HashSet<TensorId>,
}

/// Gives the operators `kept` tensors of their own to read and write, converted from and to those that become
/// integers. Between two of them nothing is converted.
pub(super) fn set_apart(graph: &mut Graph, kept: &[NodeId]) -> Apart {
    let mut apart = Apart { nodes: kept.iter().copied().collect(), real: HashSet::new() };
    let mut real_of: HashMap<TensorId, TensorId> = HashMap::new();
    for &id in kept {
        for i in 0..graph.node(id).inputs.len() {
            let Some(input) = graph.node(id).input(i).filter(|&t| is_activation(graph, t)) else { continue };
            let real = match real_of.get(&input) {
                Some(&real) => real,
                None => {
                    let real = twin(graph, input);
                    let (name, inputs) = (String::new(), vec![Some(input)]);
                    let op = Dequantize {}.into();
                    graph.insert_before(id, Node { name, op, inputs, outputs: vec![real] });
                    real_of.insert(input, real);
                    real
                }
            };
            if let Some(slot) = graph.node_mut(id).inputs.get_mut(i) {
                *slot = Some(real);
            }
        }
        for k in 0..graph.node(id).outputs.len() {
            let output = graph.node(id).outputs.get(k).copied().filter(|&t| is_activation(graph, t));
            let Some(output) = output else { continue };
            let real = twin(graph, output);
            if let Some(slot) = graph.node_mut(id).outputs.get_mut(k) {
                *slot = real;
            }
            let (name, inputs) = (String::new(), vec![Some(real)]);
            graph.insert_after(id, Node { name, op: Quantize {}.into(), inputs, outputs: vec![output] });
            real_of.insert(output, real);
        }
    }
    apart.real = real_of.into_values().collect();
    apart
}

fn twin(graph: &mut Graph, of: TensorId) -> TensorId {
    let tensor = graph.tensor(of);
    let twin = Tensor { name: format!("{}/real", tensor.name), ..tensor.clone() };
    graph.add_tensor(twin)
}
