//! Cross-layer equalization: evens out what the channels between two layers need of the grid of integers.
//!
//! Where only `max(x, 0)`, windows of each channel or borders of zeros lie between two layers, a channel can be divided
//! by a number in the first layer and multiplied by it in the second: `f(x / s) * s = f(x)`. With the largest weight or bias of
//! channel `c` in the first layer `a[c]` and the largest weight in the second `b[c]`, `s = sqrt(a[c] / b[c])` brings both to
//! `sqrt(a[c] * b[c])` (Nagel et al., Data-Free Quantization through Weight Equalization and Bias Correction, 2019). Each
//! layer is the second of one pair and the first of the next, so all pairs take turns until nothing moves.

use std::collections::HashMap;

use sedge_schema::TensorType;
use sedge_schema::op::{Activation, Op};

use super::Pass;
use crate::Failure;
use crate::graph::{Graph, Links, NodeId, Tensor, float_bytes};

/// Evens out the weights of neighbouring layers.
#[derive(Clone, Copy, Debug)]
pub struct EqualizeLayers;

/// Turns that the pairs take at most.
const MAX_TURNS: usize = 40;

/// A factor this close to 1 moves nothing.
const SETTLED: f64 = 1e-3;

impl Pass for EqualizeLayers {
    fn name(&self) -> &'static str {
        "equalize-layers"
    }

    fn run(&self, graph: &mut Graph) -> Result<usize, Failure> {
        let links = Links::of(graph);
        let pairs: Vec<Pair> =
            graph.node_ids().into_iter().filter_map(|id| pair(graph, &links, id)).collect();
        let mut layers = HashMap::new();
        for id in pairs.iter().flat_map(|pair| [pair.first, pair.second]) {
            if let Some(layer) = Layer::of(graph, id) {
                layers.entry(id).or_insert(layer);
            }
        }
        for _ in 0..MAX_TURNS {
            let mut most: f64 = 0.0;
            for pair in &pairs {
                most = most.max(equalize(&mut layers, pair).unwrap_or(0.0));
            }
            if most < SETTLED {
                break;
            }
        }
        for (id, layer) in layers {
            layer.put(graph, id);
        }
        Ok(pairs.len())
    }
}

/// Two layers with nothing between them that a channel's factor does not pass through.
struct Pair {
    first: NodeId,
    second: NodeId,
}

/// The weights of a layer while they are changed.
struct Layer {
    weights: Vec<f64>,
    /// None where the layer has no bias.
    bias: Option<Vec<f64>>,
    /// For each weight the channel of the output, and that of the input.
    channels: Vec<(usize, usize)>,
}

/// The pair whose second layer is `second`.
fn pair(graph: &Graph, links: &Links, second: NodeId) -> Option<Pair> {
    let is_layer = |op: &Op| matches!(op, Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::FullyConnected(_));
    let node = graph.node(second);
    node.op.known().filter(|op| is_layer(op))?;
    let mut between = node.input(0)?;
    loop {
        // What anything else reads must keep its values.
        if links.consumers(between).len() != 1 || graph.outputs.contains(&between) {
            return None;
        }
        let first = links.producer(between)?;
        let node = graph.node(first);
        let op = node.op.known()?;
        if is_layer(op) {
            passes(op)?;
            let (from, to) = (Layer::of(graph, first)?, Layer::of(graph, second)?);
            let written = from.channels.iter().map(|c| c.0).max()?;
            let read = to.channels.iter().map(|c| c.1).max()?;
            return (written == read).then_some(Pair { first, second });
        }
        passes(op)?;
        between = node.input(0)?;
    }
}

/// Says yes to operators whose result is as many times larger as each channel of what they compute with.
fn passes(op: &Op) -> Option<()> {
    let activation = match op {
        Op::Conv2d(op) => op.activation,
        Op::DepthwiseConv2d(op) => op.activation,
        Op::FullyConnected(op) => op.activation,
        Op::MaxPool2d(op) => op.activation,
        Op::AveragePool2d(op) => op.activation,
        Op::Relu(_) | Op::Pad(_) => Activation::None,
        _ => return None,
    };
    matches!(activation, Activation::None | Activation::Relu).then_some(())
}

impl Layer {
    fn of(graph: &Graph, id: NodeId) -> Option<Self> {
        let node = graph.node(id);
        let real = |i: usize| {
            let tensor = graph.tensor(node.input(i)?);
            let values = tensor.floats().filter(|_| tensor.tensor_type == TensorType::Float32)?;
            Some(values.into_iter().map(f64::from).collect::<Vec<_>>())
        };
        let weights = real(1)?;
        let bias = if node.input(2).is_some() { Some(real(2)?) } else { None };
        let tensor = graph.tensor(node.input(1)?);
        let data = graph.tensor(node.input(0)?).shape.last();
        let along = |output: usize, input: usize| tensor.channels(output).zip(tensor.channels(input));
        let channels: Vec<(usize, usize)> = match node.op.known()? {
            // Channel c of the output reads channel c / multiplier.
            Op::DepthwiseConv2d(op) => {
                let multiplier = usize::try_from(op.depth_multiplier).ok().filter(|&m| m != 0)?;
                tensor.channels(3).map(|c| (c, c / multiplier)).collect()
            }
            // Groups of filters read a part of the channels each; they are left as they are.
            Op::Conv2d(_) if tensor.shape.dim(3) == data => along(0, 3).collect(),
            Op::FullyConnected(_) if tensor.shape.dim(1) == data => along(0, 1).collect(),
            _ => return None,
        };
        let found = Self { weights, bias, channels };
        let outputs = found.channels.iter().map(|c| c.0 + 1).max()?;
        found.bias.as_ref().is_none_or(|b| b.len() == outputs).then_some(found)
    }

    /// The largest weight of each channel of the output, or of the input.
    fn largest(&self, channel: impl Fn(&(usize, usize)) -> usize) -> Vec<f64> {
        let count = self.channels.iter().map(|c| channel(c) + 1).max().unwrap_or(0);
        let mut largest = vec![0.0; count];
        for (weight, c) in self.weights.iter().zip(&self.channels) {
            if let Some(most) = largest.get_mut(channel(c)) {
                *most = weight.abs().max(*most);
            }
        }
        largest
    }

    /// Multiplies the weights of each channel.
    fn scale(&mut self, factors: &[f64], channel: impl Fn(&(usize, usize)) -> usize) {
        for (weight, c) in self.weights.iter_mut().zip(&self.channels) {
            *weight *= factors.get(channel(c)).copied().unwrap_or(1.0);
        }
    }

    /// Writes the layer into its node, as constants of its own: others may read the old ones.
    fn put(self, graph: &mut Graph, id: NodeId) {
        for (i, values) in [(1, Some(self.weights)), (2, self.bias)] {
            let (Some(values), Some(old)) = (values, graph.node(id).input(i)) else { continue };
            let values: Vec<f32> = values.into_iter().map(|v| v as f32).collect();
            let tensor = Tensor { data: Some(float_bytes(&values)), ..graph.tensor(old).clone() };
            let new = graph.add_tensor(tensor);
            graph.node_mut(id).inputs.get_mut(i).into_iter().for_each(|slot| *slot = Some(new));
        }
    }
}

/// Evens out one pair; how far the factor furthest from 1 is from it.
fn equalize(layers: &mut HashMap<NodeId, Layer>, pair: &Pair) -> Option<f64> {
    let [first, second] = layers.get_disjoint_mut([&pair.first, &pair.second]);
    let (first, second) = (first?, second?);
    let (mut written, read) = (first.largest(|c| c.0), second.largest(|c| c.1));
    // What a channel without much weight writes is its bias: made larger, it would take the range of all others.
    for (most, bias) in written.iter_mut().zip(first.bias.iter().flatten()) {
        *most = most.max(bias.abs());
    }
    // A channel without weights on one side is left as it is.
    let factor = |(&a, &b): (&f64, &f64)| {
        let s = (a / b).sqrt();
        if s.is_finite() && s > 0.0 { s } else { 1.0 }
    };
    let factors: Vec<f64> = written.iter().zip(&read).map(factor).collect();
    let inverse: Vec<f64> = factors.iter().map(|s| 1.0 / s).collect();
    first.scale(&inverse, |c| c.0);
    for (bias, inverse) in first.bias.iter_mut().flatten().zip(&inverse) {
        *bias *= inverse;
    }
    second.scale(&factors, |c| c.1);
    factors.iter().map(|s| (s - 1.0).abs()).reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use sedge_schema::Shape;
    use sedge_schema::op::FullyConnected;

    use super::*;
    use crate::graph::Node;

    /// `x [1, 1]` through two layers of two units and one, with this activation between them.
    fn two_layers(activation: Activation, bias: [f32; 2]) -> Graph {
        let mut graph = Graph::default();
        let computed = |graph: &mut Graph, name: &str, depth: u32| {
            graph.add_tensor(Tensor::computed(name, TensorType::Float32, Shape::new(&[1, depth]).unwrap()))
        };
        let constant = |graph: &mut Graph, name: &str, dims: &[u32], values: &[f32]| {
            let shape = Shape::new(dims).unwrap();
            graph.add_tensor(Tensor::constant(name, TensorType::Float32, shape, float_bytes(values)))
        };
        let (x, y, z) =
            (computed(&mut graph, "x", 1), computed(&mut graph, "y", 2), computed(&mut graph, "z", 1));
        let a = constant(&mut graph, "a", &[2, 1], &[8.0, 0.5]);
        let bias = constant(&mut graph, "bias", &[2], &bias);
        let b = constant(&mut graph, "b", &[1, 2], &[2.0, -2.0]);
        let layer = |activation| FullyConnected { activation, ..FullyConnected::default() }.into();
        let mut push = |op, inputs: Vec<_>, output| {
            let inputs = inputs.into_iter().map(Some).collect();
            graph.push(Node { name: String::new(), op, inputs, outputs: vec![output] });
        };
        push(layer(activation), vec![x, a, bias], y);
        push(layer(Activation::None), vec![y, b], z);
        (graph.inputs, graph.outputs) = (vec![x], vec![z]);
        graph
    }

    /// The constants of all nodes.
    fn constants(graph: &Graph) -> Vec<Vec<f32>> {
        let reads = graph.nodes().flat_map(|(_, node)| node.reads());
        reads.filter_map(|t| graph.tensor(t).floats()).collect()
    }

    #[test]
    fn both_layers_get_the_same_largest_weights() {
        let mut graph = two_layers(Activation::Relu, [4.0, 0.5]);
        assert_eq!(EqualizeLayers.run(&mut graph).unwrap(), 1);
        graph.verify().unwrap();
        // Channel 0: 8 and 2, so s = 2; channel 1: 0.5 and 2, so s = 0.5.
        let expected: [&[f32]; 3] = [&[4.0, 1.0], &[2.0, 1.0], &[4.0, -1.0]];
        assert_eq!(constants(&graph), expected);
    }

    #[test]
    fn a_bias_counts_as_what_a_channel_writes() {
        let mut graph = two_layers(Activation::Relu, [8.0, 2.0]);
        EqualizeLayers.run(&mut graph).unwrap();
        // Channel 1: 2 and 2, so s = 1.
        let expected: [&[f32]; 3] = [&[4.0, 0.5], &[4.0, 2.0], &[4.0, -2.0]];
        assert_eq!(constants(&graph), expected);
    }

    #[test]
    fn an_activation_with_an_upper_end_is_in_the_way() {
        let mut graph = two_layers(Activation::Relu6, [4.0, 1.0]);
        let before = constants(&graph);
        assert_eq!(EqualizeLayers.run(&mut graph).unwrap(), 0);
        assert_eq!(constants(&graph), before);
    }
}
