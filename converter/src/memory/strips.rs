//! Images computed strip by strip: a few operators run on some rows after the other, so that of what lies between them
//! only some rows live at a time.
//!
//! Patch-based inference (Lin et al., "MCUNetV2: Memory-Efficient Patch-based Inference for Tiny Deep Learning", 2021),
//! written with the format's own operators: SLICE takes the rows, the operators run on them, CONCATENATION puts the
//! strips together. Bits are those of the whole image.

use std::collections::BTreeMap;

use sedge_schema::op::{Concatenation, Slice};

use super::live::Live;
use super::rows::{Action, Region, Strip};
use crate::graph::{Graph, Node, NodeId, Tensor, TensorId};
use crate::report::macs::count;

/// Operators of a region, at most.
const LONGEST: usize = 24;

/// How many strips are tried.
const COUNTS: [usize; 10] = [2, 3, 4, 5, 6, 8, 10, 12, 16, 24];

/// About what an operator and its tensors take of an interpreter's prepared data.
const BYTES_OF_OPERATOR: usize = 140;

/// A graph with some operators in strips.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) graph: Graph,
    /// The first and the last of the operators, by their positions.
    pub(super) operators: [usize; 2],
    /// How many strips.
    pub(super) strips: usize,
    /// The bytes that live at the same time, without scratch memory, and about what more operators take.
    pub(super) bytes: usize,
    /// Multiply-accumulates beyond those of the whole images.
    pub(super) extra_macs: u64,
}

/// All ways to compute the operators around position `peak` in strips, in no order.
pub(super) fn candidates(graph: &Graph, peak: usize) -> Vec<Candidate> {
    let nodes: Vec<(NodeId, &Node)> = graph.nodes().collect();
    let live = Live::of(graph);
    let whole_macs = macs(graph);
    let mut out = Vec::new();
    for first in peak.saturating_sub(LONGEST)..=peak {
        for last in peak..nodes.len().min(first + LONGEST) {
            let Some(inside) = nodes.get(first..=last) else { continue };
            let inside: Vec<&Node> = inside.iter().map(|&(_, node)| node).collect();
            let Some(region) = Region::of(graph, &inside, live.uses()) else { continue };
            let height = region.height(graph);
            for count in COUNTS.into_iter().filter(|&count| count <= height) {
                let Some(strips) = cut(graph, &region, count) else { continue };
                let Some(made) = emit(graph, &region, [first, last], &strips) else { continue };
                let more = made.nodes().len() - nodes.len();
                let bytes = Live::of(&made).peak() + more * BYTES_OF_OPERATOR;
                let extra_macs = macs(&made).saturating_sub(whole_macs);
                out.push(Candidate {
                    graph: made,
                    operators: [first, last],
                    strips: count,
                    bytes,
                    extra_macs,
                });
            }
        }
    }
    out
}

/// The result's rows in `count` parts, as even as they can be.
fn cut<'g>(graph: &Graph, region: &Region<'g>, count: usize) -> Option<Vec<Strip<'g>>> {
    let height = region.height(graph);
    (0..count).map(|i| region.strip(graph, i * height / count..(i + 1) * height / count)).collect()
}

/// The graph with the operators at positions `first..=last` run once for each strip.
fn emit(
    graph: &Graph,
    region: &Region<'_>,
    [first, last]: [usize; 2],
    strips: &[Strip<'_>],
) -> Option<Graph> {
    let mut out = graph.clone();
    let order = graph.node_ids();
    let mut writer = Writer { graph: &mut out, nodes: Vec::new() };
    let mut parts = Vec::new();
    for (i, strip) in strips.iter().enumerate() {
        parts.push(Some(writer.strip(region, strip, i)?));
    }
    let name = writer.graph.tensor(region.result).name.clone();
    let op = Concatenation { axis: 1, ..Concatenation::default() };
    writer.push(Node { name, op: op.into(), inputs: parts, outputs: vec![region.result] });
    let made = writer.nodes;
    let ids = order.get(..first)?.iter().copied().chain(made).chain(order.get(last + 1..)?.iter().copied());
    let ids = ids.collect();
    out.set_order(ids);
    Some(out)
}

struct Writer<'g> {
    graph: &'g mut Graph,
    nodes: Vec<NodeId>,
}

impl Writer<'_> {
    fn push(&mut self, node: Node) {
        self.nodes.push(self.graph.push(node));
    }

    /// A tensor like `like` with so many rows.
    fn tensor(&mut self, like: TensorId, rows: usize, strip: usize) -> Option<TensorId> {
        let mut tensor = self.graph.tensor(like).clone();
        tensor.name = format!("{} (strip {strip})", tensor.name);
        tensor.shape = tensor.shape.with(1, u32::try_from(rows).ok()?)?;
        tensor.shape_signature.clear();
        Some(self.graph.add_tensor(tensor))
    }

    /// Takes rows of a tensor.
    fn slice(&mut self, from: TensorId, rows: &std::ops::Range<usize>, strip: usize) -> Option<TensorId> {
        let name = self.graph.tensor(from).name.clone();
        // All of the other dimensions, whatever they are: a batch may change.
        let begin = Tensor::list(format!("{name} (begin)"), &[0, rows.start as i32, 0, 0]);
        let size = Tensor::list(format!("{name} (size)"), &[-1, rows.len() as i32, -1, -1]);
        let (begin, size) = (self.graph.add_tensor(begin), self.graph.add_tensor(size));
        let to = self.tensor(from, rows.len(), strip)?;
        let inputs = vec![Some(from), Some(begin), Some(size)];
        self.push(Node { name, op: Slice {}.into(), inputs, outputs: vec![to] });
        Some(to)
    }

    /// Writes what a strip does; tells which tensor has its rows of the result.
    fn strip(&mut self, region: &Region<'_>, strip: &Strip<'_>, number: usize) -> Option<TensorId> {
        let height = self.graph.tensor(region.source).shape.dim(1);
        let mut has: BTreeMap<TensorId, TensorId> = BTreeMap::new();
        if strip.rows.len() != height {
            has.insert(region.source, self.slice(region.source, &strip.rows, number)?);
        }
        for action in &strip.actions {
            match action {
                Action::Cut(tensor, rows) => {
                    let from = has.get(tensor).copied().unwrap_or(*tensor);
                    has.insert(*tensor, self.slice(from, rows, number)?);
                }
                Action::Run(node, rows) => {
                    let output = *node.outputs.first()?;
                    let to = self.tensor(output, *rows, number)?;
                    let here = |t: &Option<TensorId>| t.map(|t| has.get(&t).copied().unwrap_or(t));
                    let inputs = node.inputs.iter().map(here).collect();
                    let (name, op) = (node.name.clone(), node.op.clone());
                    self.push(Node { name, op, inputs, outputs: vec![to] });
                    has.insert(output, to);
                }
            }
        }
        has.get(&region.result).copied()
    }
}

/// The multiply-accumulates of a graph. What cannot run in strips takes the same with and without them.
fn macs(graph: &Graph) -> u64 {
    let shape = |t: TensorId| graph.tensor(t).shape;
    let of = |node: &Node| {
        let output = node.outputs.first().copied().map(shape);
        count(node.op.code(), |i| node.input(i).map(shape), output, false)
    };
    graph.nodes().map(|(_, node)| of(node)).sum()
}
