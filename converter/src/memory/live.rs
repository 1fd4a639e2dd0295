//! Which bytes live while the operators run, before there is a plan.
//!
//! An estimate: operators' scratch memory is not in it. It orders what is tried; what is kept is measured.

use sedge_schema::TensorType;
use sedge_schema::op::Op;

use crate::graph::{Graph, Node, Operation, TensorId};

/// The tensors of a graph as what takes memory.
pub(super) struct Live<'g> {
    graph: &'g Graph,
    /// Bytes of each tensor; 0 for constants.
    bytes: Vec<usize>,
    /// How many operators read each tensor, and one more for outputs of the model.
    uses: Vec<usize>,
}

impl<'g> Live<'g> {
    pub(super) fn of(graph: &'g Graph) -> Self {
        let bytes = graph.tensors().map(|(_, t)| match t.tensor_type {
            TensorType::Resource | TensorType::Variant => 0,
            kind if !t.is_constant() => kind.bytes(t.shape.elements()).unwrap_or(0),
            _ => 0,
        });
        let mut live = Self { graph, bytes: bytes.collect(), uses: Vec::new() };
        live.uses = vec![0; live.bytes.len()];
        let read = graph.nodes().flat_map(|(_, node)| distinct(node));
        for tensor in read.chain(graph.outputs.iter().copied()) {
            if let Some(uses) = live.uses.get_mut(tensor.index()) {
                *uses += 1;
            }
        }
        live
    }

    /// Bytes of a tensor; 0 for a constant.
    pub(super) fn bytes(&self, tensor: TensorId) -> usize {
        self.bytes.get(tensor.index()).copied().unwrap_or(0)
    }

    /// How many operators read each tensor, and one more for outputs of the model.
    pub(super) fn uses(&self) -> &[usize] {
        &self.uses
    }

    /// The bytes that live before the first operator.
    pub(super) fn at_start(&self) -> usize {
        self.graph.inputs.iter().map(|&t| self.bytes(t)).sum()
    }

    /// What running `node` does to the bytes that live, where `left` tells how many uses of each tensor are still to come:
    /// how many live during it, and how many behind it.
    pub(super) fn run(&self, node: &Node, live: usize, left: impl Fn(TensorId) -> usize) -> (usize, usize) {
        let (mut freed, mut largest) = (0, 0);
        for tensor in distinct(node).filter(|&t| left(t) == 1 && !self.graph.tensor(t).is_variable) {
            freed += self.bytes(tensor);
            largest = largest.max(self.bytes(tensor));
        }
        let added: usize = node.outputs.iter().map(|&t| self.bytes(t)).sum();
        // What works in place writes over an input that nobody needs any more.
        let shared = if in_place(node) && largest == added { added } else { 0 };
        let unread: usize = node.outputs.iter().filter(|&&t| left(t) == 0).map(|&t| self.bytes(t)).sum();
        (live + added - shared, (live + added).saturating_sub(freed + unread))
    }

    /// The bytes that live during each operator, in their order.
    pub(super) fn over_time(&self) -> Vec<usize> {
        let mut left = self.uses.clone();
        let mut live = self.at_start();
        let over = self.graph.nodes().map(|(_, node)| {
            let (during, behind) = self.run(node, live, |t| left.get(t.index()).copied().unwrap_or(0));
            for tensor in distinct(node) {
                if let Some(uses) = left.get_mut(tensor.index()) {
                    *uses = uses.saturating_sub(1);
                }
            }
            live = behind;
            during
        });
        over.collect()
    }

    /// The most bytes that live at the same time.
    pub(super) fn peak(&self) -> usize {
        self.over_time().into_iter().max().unwrap_or(0)
    }
}

/// The tensors that a node reads, each once.
pub(super) fn distinct(node: &Node) -> impl Iterator<Item = TensorId> + '_ {
    let inputs = &node.inputs;
    let is_first = move |i: usize, t: TensorId| !inputs.iter().take(i).any(|&other| other == Some(t));
    inputs.iter().enumerate().filter_map(move |(i, &t)| t.filter(|&t| is_first(i, t)))
}

/// Operators whose element `i` depends on the elements `i` of their inputs only.
pub(super) fn is_element_wise(op: &Op) -> bool {
    matches!(
        op,
        Op::Relu(_)
            | Op::Relu6(_)
            | Op::ReluN1To1(_)
            | Op::Relu0To1(_)
            | Op::LeakyRelu(_)
            | Op::Elu(_)
            | Op::Gelu(_)
            | Op::HardSwish(_)
            | Op::Logistic(_)
            | Op::Tanh(_)
            | Op::Quantize(_)
            | Op::Dequantize(_)
            | Op::Add(_)
            | Op::Sub(_)
            | Op::Mul(_)
            | Op::Maximum(_)
            | Op::Minimum(_)
            | Op::Prelu(_)
    )
}

fn in_place(node: &Node) -> bool {
    match &node.op {
        Operation::Known(op) => {
            is_element_wise(op) || matches!(op, Op::Reshape(_) | Op::Squeeze(_) | Op::ExpandDims(_))
        }
        Operation::Raw(_) => false,
    }
}
