//! Who writes and who reads each tensor.

use super::{Graph, NodeId, TensorId};

/// Who writes and who reads each tensor of a graph, as it was when this was made.
#[derive(Clone, Debug)]
pub struct Links {
    producers: Vec<Option<NodeId>>,
    consumers: Vec<Vec<NodeId>>,
}

impl Links {
    /// The links of `graph`.
    pub fn of(graph: &Graph) -> Self {
        let mut producers = vec![None; graph.tensors.len()];
        let mut consumers = vec![Vec::new(); graph.tensors.len()];
        for (id, node) in graph.nodes() {
            for tensor in &node.outputs {
                if let Some(producer) = producers.get_mut(tensor.index()) {
                    *producer = Some(id);
                }
            }
            for tensor in node.reads() {
                if let Some(readers) = consumers.get_mut(tensor.index())
                    && readers.last() != Some(&id)
                {
                    readers.push(id);
                }
            }
        }
        Self { producers, consumers }
    }

    /// The operator that writes `tensor`; `None` for inputs and constants.
    pub fn producer(&self, tensor: TensorId) -> Option<NodeId> {
        self.producers.get(tensor.index()).copied().flatten()
    }

    /// The operators that read `tensor`, each once, in execution order.
    pub fn consumers(&self, tensor: TensorId) -> &[NodeId] {
        self.consumers.get(tensor.index()).map_or(&[], Vec::as_slice)
    }
}
