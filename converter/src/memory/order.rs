//! The order of operators in which the fewest bytes live at the same time.
//!
//! A beam search over the sets of operators that have run: of those of the same size the ones with the lowest peaks
//! are gone on with. Operators with effects (variables, calls, operators that are not known) stay in the order of the source.

use std::collections::BTreeMap;

use sedge_schema::TensorType;
use sedge_schema::op::Op;

use super::live::{Live, distinct};
use crate::graph::{Graph, Links, Node, NodeId, Operation, TensorId};

/// How many sets are gone on with; fewer for graphs so large that it would take long. Graphs have few branches at a time.
const WIDTH: usize = 48;

/// How many operators may follow a set: of those that can run the ones that need least.
const BRANCHES: usize = 12;

/// Operators times sets that are gone on with, at most.
const WORK: usize = 16_000;

/// Operators that have run, and what that took.
#[derive(Clone)]
struct Run {
    /// The most bytes that lived at the same time.
    peak: usize,
    /// The bytes that live now.
    live: usize,
    /// The order, by the operators' positions in the source.
    order: Vec<u32>,
    /// Uses that are still to come, for each tensor.
    left: Vec<u32>,
    /// Operators that still have to run before each one; `u32::MAX` for one that has run.
    waits: Vec<u32>,
}

impl Run {
    fn left(&self, tensor: TensorId) -> usize {
        self.left.get(tensor.index()).map_or(0, |&uses| uses as usize)
    }
}

/// The best order that was found, where its peak is lower than that of the graph's own.
pub(super) fn best(graph: &Graph) -> Option<Vec<NodeId>> {
    let live = Live::of(graph);
    let nodes: Vec<(NodeId, &Node)> = graph.nodes().collect();
    let behind = successors(graph, &nodes);
    let mut waits = vec![0; nodes.len()];
    for &next in behind.iter().flatten() {
        if let Some(count) = waits.get_mut(next) {
            *count += 1;
        }
    }
    let width = (WORK / nodes.len().max(1)).clamp(1, WIDTH);
    let start = live.at_start();
    let left = live.uses().iter().map(|&uses| uses as u32).collect();
    let mut runs = vec![Run { peak: start, live: start, order: Vec::new(), left, waits }];
    for _ in 0..nodes.len() {
        // Sets that are equal come together; the best way to each is kept.
        let mut reached: BTreeMap<Vec<u32>, Run> = BTreeMap::new();
        for run in &runs {
            for (i, node) in ready(run, &nodes, &live) {
                let next = after(run, i, node, &live, behind.get(i).map_or(&[], Vec::as_slice));
                let known = reached.get(&next.waits);
                if known.is_none_or(|k| (next.peak, &next.order) < (k.peak, &k.order)) {
                    reached.insert(next.waits.clone(), next);
                }
            }
        }
        runs = reached.into_values().collect();
        runs.sort_by(|a, b| (a.peak, a.live, &a.order).cmp(&(b.peak, b.live, &b.order)));
        runs.truncate(width);
    }
    let best = runs.first().filter(|run| run.peak < live.peak())?;
    best.order.iter().map(|&i| nodes.get(i as usize).map(|&(id, _)| id)).collect()
}

/// The operators that can run next, by their positions.
fn ready<'n>(run: &Run, nodes: &[(NodeId, &'n Node)], live: &Live<'_>) -> Vec<(usize, &'n Node)> {
    let can = nodes.iter().zip(&run.waits).enumerate().filter(|&(_, (_, &waits))| waits == 0);
    let mut ready: Vec<_> =
        can.map(|(i, (&(_, node), _))| (live.run(node, run.live, |t| run.left(t)), i, node)).collect();
    ready.sort_by_key(|&(needs, i, _)| (needs, i));
    ready.truncate(BRANCHES);
    ready.into_iter().map(|(_, i, node)| (i, node)).collect()
}

/// `run` with operator `i` behind it.
fn after(run: &Run, i: usize, node: &Node, live: &Live<'_>, behind: &[usize]) -> Run {
    let mut next = run.clone();
    let (during, now) = live.run(node, run.live, |t| run.left(t));
    (next.peak, next.live) = (run.peak.max(during), now);
    next.order.push(i as u32);
    for tensor in distinct(node) {
        if let Some(uses) = next.left.get_mut(tensor.index()) {
            *uses = uses.saturating_sub(1);
        }
    }
    if let Some(waits) = next.waits.get_mut(i) {
        *waits = u32::MAX;
    }
    for &later in behind {
        if let Some(waits) = next.waits.get_mut(later) {
            *waits -= 1;
        }
    }
    next
}

/// For each operator those that must run behind it, by their positions, each once.
fn successors(graph: &Graph, nodes: &[(NodeId, &Node)]) -> Vec<Vec<usize>> {
    let links = Links::of(graph);
    let position: BTreeMap<NodeId, usize> = (0..).zip(nodes).map(|(i, &(id, _))| (id, i)).collect();
    let mut effect = None;
    let mut behind = vec![Vec::new(); nodes.len()];
    for (i, &(_, node)) in nodes.iter().enumerate() {
        let mut before: Vec<usize> =
            node.reads().filter_map(|t| position.get(&links.producer(t)?).copied()).collect();
        if has_effect(graph, node) {
            before.extend(effect.replace(i));
        }
        before.sort_unstable();
        before.dedup();
        for earlier in before {
            if let Some(list) = behind.get_mut(earlier) {
                list.push(i);
            }
        }
    }
    behind
}

/// Whether the order in which a node runs can matter for more than its inputs.
fn has_effect(graph: &Graph, node: &Node) -> bool {
    let calls = match &node.op {
        Operation::Raw(_) => true,
        Operation::Known(op) => {
            matches!(op, Op::CallOnce(_) | Op::If(_) | Op::While(_) | Op::StablehloComposite(_))
        }
    };
    let mut tensors = node.reads().chain(node.outputs.iter().copied()).map(|t| graph.tensor(t));
    calls || tensors.any(|t| t.is_variable || t.tensor_type == TensorType::Resource)
}

#[cfg(test)]
mod tests {
    use sedge_schema::op::{Concatenation, Relu, Sum};
    use sedge_schema::{Shape, TensorType};

    use super::*;
    use crate::graph::Tensor;

    fn node(op: impl Into<Operation>, inputs: &[TensorId], output: TensorId) -> Node {
        let inputs = inputs.iter().copied().map(Some).collect();
        Node { name: String::new(), op: op.into(), inputs, outputs: vec![output] }
    }

    /// Two branches that each make a large tensor and sum it up; the source makes both large ones first.
    #[test]
    fn branches_run_one_after_the_other() {
        let mut graph = Graph::default();
        let mut add = |elements: u32| {
            let shape = Shape::new(&[elements]).unwrap();
            graph.add_tensor(Tensor::computed("t", TensorType::Int8, shape))
        };
        let [x, a, b, c, sa, sb, sc, out] = [10, 100, 100, 100, 1, 1, 1, 3].map(&mut add);
        let axes = graph.add_tensor(Tensor::list("axes", &[0]));
        for large in [a, b, c] {
            // Stands for an operator that reads little and writes much.
            graph.push(node(Concatenation::default(), &[x], large));
        }
        for (large, small) in [(a, sa), (b, sb), (c, sc)] {
            graph.push(node(Sum::default(), &[large, axes], small));
        }
        graph.push(node(Concatenation::default(), &[sa, sb, sc], out));
        (graph.inputs, graph.outputs) = (vec![x], vec![out]);
        // x, a, b and c live while the third is made: 310 bytes, and the first sum beside them: 301.
        assert_eq!(Live::of(&graph).peak(), 310);
        let order = best(&graph).unwrap();
        graph.set_order(order);
        // x, one large tensor and the sums of two others.
        assert_eq!(Live::of(&graph).peak(), 112);
        assert!(best(&graph).is_none());
    }

    #[test]
    fn effects_keep_their_order() {
        let mut graph = Graph::default();
        let shape = Shape::new(&[4]).unwrap();
        let t: Vec<_> =
            (0..4).map(|_| graph.add_tensor(Tensor::computed("t", TensorType::Int8, shape))).collect();
        graph.tensor_mut(t[3]).is_variable = true;
        graph.push(node(Relu {}, &[t[3]], t[1]));
        graph.push(node(Relu {}, &[t[0]], t[2]));
        graph.push(node(Relu {}, &[t[3]], t[2]));
        let nodes: Vec<_> = graph.nodes().collect();
        assert_eq!(successors(&graph, &nodes), [vec![2], vec![], vec![]]);
    }
}
