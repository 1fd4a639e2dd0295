//! Computes once what several nodes compute alike.

use std::collections::HashMap;

use super::Pass;
use crate::Failure;
use crate::graph::{Graph, NodeId, Operation, TensorId};

/// Makes one of nodes with the same operator, parameters and inputs.
#[derive(Clone, Copy, Debug)]
pub struct ShareCommon;

impl Pass for ShareCommon {
    fn name(&self) -> &'static str {
        "share-common"
    }

    fn run(&self, graph: &mut Graph) -> Result<usize, Failure> {
        let mut seen: HashMap<String, NodeId> = HashMap::new();
        let mut constants = HashMap::new();
        let mut changes = 0;
        for id in graph.node_ids() {
            let Some(key) = key(graph, id, &mut constants) else { continue };
            let Some(&first) = seen.get(&key) else {
                seen.insert(key, id);
                continue;
            };
            let (kept, gone) = (graph.node(first).outputs.clone(), graph.node(id).outputs.clone());
            // An output of the model keeps its name.
            if gone.iter().any(|t| graph.outputs.contains(t)) {
                continue;
            }
            for (from, to) in gone.into_iter().zip(kept) {
                graph.replace_uses(from, to);
            }
            graph.remove(id);
            changes += 1;
        }
        Ok(changes)
    }
}

/// What is the same for nodes that compute the same; `None` for those that are not looked at.
fn key(graph: &Graph, id: NodeId, constants: &mut HashMap<String, TensorId>) -> Option<String> {
    let node = graph.node(id);
    let Operation::Known(op) = &node.op else { return None };
    if node.inputs.is_empty() || node.reads().any(|t| graph.tensor(t).is_variable) {
        return None;
    }
    let inputs: Vec<Option<TensorId>> =
        node.inputs.iter().map(|t| t.map(|t| representative(graph, t, constants))).collect();
    let types: Vec<_> = node.outputs.iter().map(|&t| graph.tensor(t).tensor_type).collect();
    let quantized: Vec<_> = node.outputs.iter().map(|&t| &graph.tensor(t).quantization).collect();
    Some(format!("{op:?} {inputs:?} {types:?} {quantized:?}"))
}

/// Constants of more bytes are compared by identity alone.
const MAX_COMPARED: usize = 256;

/// The first of small constants with equal contents; another tensor itself.
fn representative(graph: &Graph, id: TensorId, constants: &mut HashMap<String, TensorId>) -> TensorId {
    let tensor = graph.tensor(id);
    match &tensor.data {
        Some(data) if data.len() <= MAX_COMPARED => {
            let key = format!("{:?} {} {:?} {data:?}", tensor.tensor_type, tensor.shape, tensor.quantization);
            *constants.entry(key).or_insert(id)
        }
        _ => id,
    }
}

#[cfg(test)]
mod tests {
    use sedge_schema::op::{Add, Relu};
    use sedge_schema::{Shape, TensorType};

    use super::*;
    use crate::graph::{Node, Tensor};

    #[test]
    fn equal_nodes_become_one() {
        let mut graph = Graph::default();
        let shape = Shape::new(&[4]).unwrap();
        let t: Vec<_> =
            (0..4).map(|_| graph.add_tensor(Tensor::computed("t", TensorType::Float32, shape))).collect();
        for output in [t[1], t[2]] {
            let inputs = vec![Some(t[0])];
            graph.push(Node { name: String::new(), op: Relu {}.into(), inputs, outputs: vec![output] });
        }
        let inputs = vec![Some(t[1]), Some(t[2])];
        graph.push(Node { name: String::new(), op: Add::default().into(), inputs, outputs: vec![t[3]] });
        (graph.inputs, graph.outputs) = (vec![t[0]], vec![t[3]]);
        assert_eq!(ShareCommon.run(&mut graph).unwrap(), 1);
        graph.verify().unwrap();
        let (_, sum) = graph.nodes().last().unwrap();
        assert_eq!(sum.inputs, [Some(t[1]), Some(t[1])]);
    }
}
