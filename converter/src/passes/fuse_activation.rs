//! Puts RELU and RELU6 into the operator before them.

use sedge_schema::op::{Activation, Op};

use super::Pass;
use crate::Failure;
use crate::graph::{Graph, Links, NodeId, Operation};

/// Puts RELU and RELU6 into the operator before them, where that can apply them itself.
#[derive(Clone, Copy, Debug)]
pub struct FuseActivation;

impl Pass for FuseActivation {
    fn name(&self) -> &'static str {
        "fuse-activation"
    }

    fn run(&self, graph: &mut Graph) -> Result<usize, Failure> {
        let links = Links::of(graph);
        let mut changes = 0;
        for id in graph.node_ids() {
            changes += usize::from(fuse(graph, &links, id).is_some());
        }
        Ok(changes)
    }
}

/// Fuses the activation `id` into its producer; `None` where that cannot be.
fn fuse(graph: &mut Graph, links: &Links, id: NodeId) -> Option<()> {
    let node = graph.node(id);
    let fused = match node.op.known()? {
        Op::Relu(_) => Activation::Relu,
        Op::Relu6(_) => Activation::Relu6,
        _ => return None,
    };
    let (between, output) = (node.input(0)?, *node.outputs.first()?);
    if links.consumers(between).len() != 1 || graph.outputs.contains(&between) {
        return None;
    }
    let producer = links.producer(between)?;
    let Operation::Known(op) = &mut graph.node_mut(producer).op else { return None };
    let activation = activation_of(op).filter(|a| **a == Activation::None)?;
    *activation = fused;
    graph.node_mut(producer).outputs = vec![output];
    graph.remove(id);
    Some(())
}

/// Where an operator keeps the activation that it applies to its result.
pub(super) fn activation_of(op: &mut Op) -> Option<&mut Activation> {
    match op {
        Op::Conv2d(op) => Some(&mut op.activation),
        Op::DepthwiseConv2d(op) => Some(&mut op.activation),
        Op::FullyConnected(op) => Some(&mut op.activation),
        Op::Add(op) => Some(&mut op.activation),
        Op::Sub(op) => Some(&mut op.activation),
        Op::Mul(op) => Some(&mut op.activation),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use sedge_schema::op::{Add, Relu6};
    use sedge_schema::{Shape, TensorType};

    use super::*;
    use crate::graph::{Node, Tensor};

    #[test]
    fn an_activation_goes_into_the_sum_before_it() {
        let mut graph = Graph::default();
        let shape = Shape::new(&[1, 4]).unwrap();
        let t: Vec<_> =
            (0..3).map(|_| graph.add_tensor(Tensor::computed("t", TensorType::Float32, shape))).collect();
        let name = String::new;
        let inputs = vec![Some(t[0]), Some(t[0])];
        graph.push(Node { name: name(), op: Add::default().into(), inputs, outputs: vec![t[1]] });
        graph.push(Node { name: name(), op: Relu6 {}.into(), inputs: vec![Some(t[1])], outputs: vec![t[2]] });
        (graph.inputs, graph.outputs) = (vec![t[0]], vec![t[2]]);

        // Not while the sum itself is asked for.
        graph.outputs.push(t[1]);
        assert_eq!(FuseActivation.run(&mut graph).unwrap(), 0);
        graph.outputs.pop();

        assert_eq!(FuseActivation.run(&mut graph).unwrap(), 1);
        graph.verify().unwrap();
        let ops: Vec<_> = graph.nodes().map(|(_, n)| n.op.known().copied().unwrap()).collect();
        assert_eq!(ops, [Op::Add(Add { activation: Activation::Relu6, ..Add::default() })]);
    }
}
