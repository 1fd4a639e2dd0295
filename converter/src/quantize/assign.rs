//! Which activations share one scale, and which scale that is.
//!
//! Operators that only move or compare values need the same scale on both sides. Tensors that they
//! tie together make a class with one range, the union of its members'. Where an operator's output
//! has a fixed scale, its whole class has it; an operator of [`QuantizationRule::AllSame`] that reads
//! such a tensor together with others gets it through a QUANTIZE.

use sedge_schema::TensorType;
use sedge_schema::op::QuantizationRule;

use super::keep_float::Apart;
use super::scale::of_range;
use crate::Failure;
use crate::calibrate::{Range, Ranges};
use crate::graph::{Graph, Node, Quantization, TensorId};

/// Scale and zero point of each float activation.
#[derive(Debug)]
pub(super) struct Scales {
    scales: Vec<Option<Quantization>>,
    kind: TensorType,
}

impl Scales {
    pub(super) fn get(&self, tensor: TensorId) -> Option<&Quantization> {
        self.scales.get(tensor.index())?.as_ref()
    }

    /// The type of the integers.
    pub(super) fn kind(&self) -> TensorType {
        self.kind
    }

    /// The scales of all float activations of `graph`.
    pub(super) fn assign(
        graph: &Graph,
        ranges: &Ranges,
        kind: TensorType,
        apart: &Apart,
    ) -> Result<Self, Failure> {
        let nodes: Vec<&Node> =
            graph.nodes().filter(|(id, _)| !apart.nodes.contains(id)).map(|(_, node)| node).collect();
        let mut classes = Classes::new(graph, &nodes, ranges, kind);
        for node in &nodes {
            classes.same_as_input(node);
        }
        for node in &nodes {
            classes.all_same(node);
        }
        let used = used(graph);
        let mut scales = vec![None; graph.tensors().len()];
        let integer =
            |id: TensorId| used[id.index()] && is_activation(graph, id) && !apart.real.contains(&id);
        for (id, tensor) in graph.tensors().filter(|&(id, _)| integer(id)) {
            let class = classes.root(id.index());
            let scale =
                classes.fixed[class].clone().or(classes.ranges[class].map(|range| of_range(range, kind)));
            let scale = scale.ok_or_else(|| {
                Failure::new(format!("the tensor '{}' held no finite value in calibration", tensor.name))
                    .help("check the calibration data for NaN and infinities")
            })?;
            scales[id.index()] = Some(scale);
        }
        Ok(Self { scales, kind })
    }
}

/// Whether `id` is computed or given, and holds real numbers.
pub(super) fn is_activation(graph: &Graph, id: TensorId) -> bool {
    let tensor = graph.tensor(id);
    tensor.tensor_type == TensorType::Float32 && !tensor.is_constant()
}

/// For each tensor whether the caller or an operator uses it.
fn used(graph: &Graph) -> Vec<bool> {
    let mut used = vec![false; graph.tensors().len()];
    let nodes = graph.nodes().flat_map(|(_, n)| n.reads().chain(n.outputs.iter().copied()));
    for id in nodes.chain(graph.inputs.iter().chain(&graph.outputs).copied()) {
        used[id.index()] = true;
    }
    used
}

struct Classes<'g> {
    graph: &'g Graph,
    parent: Vec<usize>,
    /// By root: the range of all members.
    ranges: Vec<Option<Range>>,
    /// By root: the scale that an operator's rule fixes.
    fixed: Vec<Option<Quantization>>,
}

impl<'g> Classes<'g> {
    fn new(graph: &'g Graph, nodes: &[&Node], ranges: &Ranges, kind: TensorType) -> Self {
        let count = graph.tensors().len();
        let mut fixed = vec![None; count];
        for node in nodes {
            if let Some((scale, zero_point)) = rule(node).and_then(|rule| rule.fixed_output(kind)) {
                for output in &node.outputs {
                    fixed[output.index()] = Some(Quantization::per_tensor(scale, zero_point));
                }
            }
        }
        let ranges = graph.tensors().map(|(id, _)| ranges.of(id)).collect();
        Self { graph, parent: (0..count).collect(), ranges, fixed }
    }

    fn root(&self, mut tensor: usize) -> usize {
        while self.parent[tensor] != tensor {
            tensor = self.parent[tensor];
        }
        tensor
    }

    fn tie(&mut self, a: TensorId, b: TensorId) {
        let (a, b) = (self.root(a.index()), self.root(b.index()));
        if a != b {
            self.parent[b] = a;
            self.ranges[a] = self.ranges[a].into_iter().chain(self.ranges[b]).reduce(Range::union);
            self.fixed[a] = self.fixed[a].take().or(self.fixed[b].clone());
        }
    }

    /// Widens the class of `tensor` by the values of a constant.
    fn widen(&mut self, tensor: TensorId, constant: TensorId) {
        let values = self.graph.tensor(constant).floats().unwrap_or_default();
        let root = self.root(tensor.index());
        self.ranges[root] = self.ranges[root].into_iter().chain(range_of(&values)).reduce(Range::union);
    }

    fn same_as_input(&mut self, node: &Node) {
        let (Some(QuantizationRule::SameAsInput), Some(input)) = (rule(node), node.input(0)) else { return };
        for &output in node.outputs.iter().filter(|&&t| is_activation(self.graph, t)) {
            if is_activation(self.graph, input) {
                self.tie(input, output);
            } else {
                self.widen(output, input);
            }
        }
    }

    fn all_same(&mut self, node: &Node) {
        if rule(node) != Some(QuantizationRule::AllSame) {
            return;
        }
        let graph = self.graph;
        let mut outputs = node.outputs.iter().copied().filter(|&t| is_activation(graph, t));
        let Some(first) = outputs.next() else { return };
        outputs.for_each(|t| self.tie(first, t));
        let floats: Vec<TensorId> =
            node.reads().filter(|&t| graph.tensor(t).tensor_type == TensorType::Float32).collect();
        let fixed = |classes: &Self, t: TensorId| classes.fixed[classes.root(t.index())].clone();
        // What every input has fixed, the outputs have too.
        let common = floats.first().and_then(|&t| fixed(self, t));
        if common.is_some() && floats.iter().all(|&t| is_activation(graph, t) && fixed(self, t) == common) {
            let root = self.root(first.index());
            self.fixed[root] = common;
            return;
        }
        for input in floats {
            if !is_activation(graph, input) {
                self.widen(first, input);
            } else if fixed(self, input).is_none() {
                self.tie(first, input);
            }
        }
    }
}

/// The range of the finite ones among `values`; `None` where there are none.
pub(super) fn range_of(values: &[f32]) -> Option<Range> {
    let finite = values.iter().copied().filter(|x| x.is_finite());
    finite.map(|x| Range { min: x, max: x }).reduce(Range::union)
}

/// The rule of a node's operator.
pub(super) fn rule(node: &Node) -> Option<QuantizationRule> {
    node.op.known().map(|op| op.quantization())
}
