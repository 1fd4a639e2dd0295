//! The converter's own form of a model: importers make it, passes change it, exporters write it.
//!
//! Nodes are kept in execution order. Ids stay valid while a graph is edited; only
//! [`Graph::remove_dead`] gives tensors new ones. What a graph must hold to is in
//! [`Graph::verify`], which runs after every pass.

mod links;
mod node;
mod tensor;
mod verify;

use std::sync::Arc;

use sedge_schema::Refusal;

pub use links::Links;
pub use node::{Node, NodeId, Operation, RawOp, Surroundings};
pub use tensor::{Quantization, Tensor, TensorId, float_bytes};
pub use verify::VerifyError;

/// A named entry point: names for inputs and outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// The name of the entry point.
    pub key: String,
    /// The inputs' names.
    pub inputs: Vec<(String, TensorId)>,
    /// The outputs' names.
    pub outputs: Vec<(String, TensorId)>,
}

/// A model: tensors and the operators between them.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// The name of the graph.
    pub name: String,
    /// What the author says of the model.
    pub description: String,
    /// Named pieces of metadata.
    pub metadata: Vec<(String, Arc<[u8]>)>,
    /// Named entry points.
    pub signatures: Vec<Signature>,
    /// The tensors that the caller fills.
    pub inputs: Vec<TensorId>,
    /// The tensors that the caller reads.
    pub outputs: Vec<TensorId>,
    tensors: Vec<Tensor>,
    nodes: Vec<Node>,
    /// Execution order.
    order: Vec<NodeId>,
}

impl Graph {
    /// Adds a tensor.
    pub fn add_tensor(&mut self, tensor: Tensor) -> TensorId {
        self.tensors.push(tensor);
        TensorId(self.tensors.len() as u32 - 1)
    }

    /// The tensor with this index; `None` where there is none.
    pub fn tensor_id(&self, index: usize) -> Option<TensorId> {
        (index < self.tensors.len()).then_some(TensorId(index as u32))
    }

    /// The tensor `id`; `None` where it is another graph's.
    pub fn get(&self, id: TensorId) -> Option<&Tensor> {
        self.tensors.get(id.index())
    }

    /// The tensor `id`.
    ///
    /// # Panics
    /// If `id` is another graph's.
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.index()]
    }

    /// The tensor `id`, to change it.
    ///
    /// # Panics
    /// If `id` is another graph's.
    pub fn tensor_mut(&mut self, id: TensorId) -> &mut Tensor {
        &mut self.tensors[id.index()]
    }

    /// All tensors.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = (TensorId, &Tensor)> {
        self.tensors.iter().enumerate().map(|(i, t)| (TensorId(i as u32), t))
    }

    /// Adds a node after all others.
    pub fn push(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        let id = NodeId(self.nodes.len() as u32 - 1);
        self.order.push(id);
        id
    }

    /// Adds a node before `before`, or after all others where that is not in the graph any more.
    pub fn insert_before(&mut self, before: NodeId, node: Node) -> NodeId {
        let at = self.order.iter().position(|&n| n == before).unwrap_or(self.order.len());
        self.insert_at(at, node)
    }

    /// Adds a node behind `after`, or after all others where that is not in the graph any more.
    pub fn insert_after(&mut self, after: NodeId, node: Node) -> NodeId {
        let at = self.order.iter().position(|&n| n == after).map_or(self.order.len(), |at| at + 1);
        self.insert_at(at, node)
    }

    /// Adds a node before all others.
    pub fn push_front(&mut self, node: Node) -> NodeId {
        self.insert_at(0, node)
    }

    fn insert_at(&mut self, at: usize, node: Node) -> NodeId {
        let id = self.push(node);
        self.order.pop();
        self.order.insert(at, id);
        id
    }

    /// Takes a node out of the graph; its tensors stay.
    pub fn remove(&mut self, node: NodeId) {
        self.order.retain(|&n| n != node);
    }

    /// The node `id`.
    ///
    /// # Panics
    /// If `id` is another graph's.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// The node `id`, to change it.
    ///
    /// # Panics
    /// If `id` is another graph's.
    pub fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    /// The nodes in execution order.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = (NodeId, &Node)> {
        self.order.iter().map(|&id| (id, self.node(id)))
    }

    /// The nodes' ids in execution order, as they are now.
    pub fn node_ids(&self) -> Vec<NodeId> {
        self.order.clone()
    }

    /// Makes `order` the execution order: nodes that are in the graph, each once.
    pub fn set_order(&mut self, order: Vec<NodeId>) {
        self.order = order;
    }

    /// What the rules of `node` see.
    pub fn surroundings<'g>(&'g self, node: &'g Node) -> Surroundings<'g> {
        Surroundings { graph: self, node }
    }

    /// Makes all that reads `from` read `to`: nodes, outputs and signatures.
    pub fn replace_uses(&mut self, from: TensorId, to: TensorId) {
        let replace = |id: &mut TensorId| {
            if *id == from {
                *id = to;
            }
        };
        for id in &self.order {
            if let Some(node) = self.nodes.get_mut(id.0 as usize) {
                node.inputs.iter_mut().flatten().for_each(replace);
            }
        }
        self.outputs.iter_mut().for_each(replace);
        for signature in &mut self.signatures {
            signature.outputs.iter_mut().for_each(|(_, id)| replace(id));
        }
    }

    /// Gives the outputs of all operators with rules the shapes that follow from their inputs.
    ///
    /// # Errors
    /// Where a rule refuses a node's inputs.
    pub fn infer_shapes(&mut self) -> Result<(), VerifyError> {
        for id in self.node_ids() {
            let node = self.node(id);
            let Operation::Known(op) = node.op else { continue };
            for i in 0..node.outputs.len() {
                let node = self.node(id);
                match op.infer(&self.surroundings(node), i) {
                    Ok(shape) => {
                        let output = node.outputs[i];
                        self.tensor_mut(output).shape = shape;
                    }
                    Err(Refusal::Pending(_)) => {}
                    Err(refusal) => return Err(VerifyError::refused(self, node, refusal)),
                }
            }
        }
        Ok(())
    }

    /// Removes nodes whose results nobody reads, and tensors that nobody uses; tells how many
    /// nodes went. Tensors get new ids.
    pub fn remove_dead(&mut self) -> usize {
        let mut live = vec![false; self.tensors.len()];
        let interface: Vec<TensorId> = self.inputs.iter().chain(&self.outputs).copied().collect();
        let named = self.signatures.iter().flat_map(|s| s.inputs.iter().chain(&s.outputs)).map(|&(_, id)| id);
        for id in interface.into_iter().chain(named) {
            live[id.index()] = true;
        }
        let before = self.order.len();
        let mut kept = Vec::new();
        for &id in self.order.iter().rev() {
            let node = self.node(id);
            // Operators without rules may have effects that are not seen in their outputs.
            let has_effect = match &node.op {
                Operation::Raw(_) => true,
                Operation::Known(_) => node.reads().any(|t| self.tensor(t).is_variable),
            };
            if has_effect || node.outputs.iter().any(|t| live[t.index()]) {
                node.reads().chain(node.outputs.iter().copied()).for_each(|t| live[t.index()] = true);
                if let Operation::Raw(raw) = &node.op {
                    raw.intermediates.iter().flatten().for_each(|t| live[t.index()] = true);
                }
                kept.push(id);
            }
        }
        kept.reverse();
        self.order = kept;
        self.renumber(&live);
        before - self.order.len()
    }

    /// Keeps the tensors that are `live`, and nodes that are in the order.
    fn renumber(&mut self, live: &[bool]) {
        let new: Vec<u32> = live
            .iter()
            .scan(0, |count, &l| {
                *count += u32::from(l);
                Some(*count - u32::from(l))
            })
            .collect();
        let renumber = |id: &mut TensorId| id.0 = new[id.index()];
        let mut keep = live.iter();
        self.tensors.retain(|_| keep.next().copied().unwrap_or(false));
        let mut old: Vec<Option<Node>> = std::mem::take(&mut self.nodes).into_iter().map(Some).collect();
        self.nodes = self.order.iter().filter_map(|id| old.get_mut(id.0 as usize)?.take()).collect();
        self.order = (0..self.nodes.len() as u32).map(NodeId).collect();
        for node in &mut self.nodes {
            node.inputs.iter_mut().flatten().for_each(renumber);
            node.outputs.iter_mut().for_each(renumber);
            if let Operation::Raw(raw) = &mut node.op {
                raw.intermediates.iter_mut().flatten().for_each(renumber);
            }
        }
        self.inputs.iter_mut().chain(&mut self.outputs).for_each(renumber);
        for s in &mut self.signatures {
            s.inputs.iter_mut().chain(&mut s.outputs).for_each(|(_, id)| renumber(id));
        }
    }
}

#[cfg(test)]
mod tests {
    use sedge_schema::op::{Relu, Softmax};
    use sedge_schema::{Shape, TensorType};

    use super::*;

    fn chain() -> Graph {
        let mut graph = Graph::default();
        let shape = Shape::new(&[1, 4]).unwrap();
        let t: Vec<_> = (0..4)
            .map(|i| graph.add_tensor(Tensor::computed(format!("t{i}"), TensorType::Float32, shape)))
            .collect();
        let node = |op: Operation, from, to| Node {
            name: String::new(),
            op,
            inputs: vec![Some(from)],
            outputs: vec![to],
        };
        graph.push(node(Relu {}.into(), t[0], t[1]));
        graph.push(node(Relu {}.into(), t[0], t[2]));
        graph.push(node(Softmax::default().into(), t[1], t[3]));
        graph.inputs = vec![t[0]];
        graph.outputs = vec![t[3]];
        graph
    }

    #[test]
    fn what_nobody_reads_goes() {
        let mut graph = chain();
        graph.verify().unwrap();
        assert_eq!(graph.remove_dead(), 1);
        graph.verify().unwrap();
        let names: Vec<_> = graph.tensors().map(|(_, t)| t.name.as_str()).collect();
        assert_eq!(names, ["t0", "t1", "t3"]);
        assert_eq!(graph.nodes().len(), 2);
    }

    #[test]
    fn defects_are_found() {
        let mut graph = chain();
        let (first, last) = (graph.node_ids()[0], graph.node_ids()[2]);
        graph.order.swap(0, 2);
        assert!(matches!(graph.verify(), Err(VerifyError::Order { .. })));
        graph.order.swap(0, 2);
        let written = graph.node(first).outputs[0];
        graph.node_mut(last).outputs[0] = written;
        assert!(matches!(graph.verify(), Err(VerifyError::WrittenTwice { .. })));
        let mut graph = chain();
        graph.tensor_mut(TensorId(3)).shape = Shape::new(&[4]).unwrap();
        assert!(matches!(graph.verify(), Err(VerifyError::Shape { .. })));
        let mut graph = chain();
        graph.outputs.push(TensorId(9));
        assert!(matches!(graph.verify(), Err(VerifyError::Index)));
    }
}
