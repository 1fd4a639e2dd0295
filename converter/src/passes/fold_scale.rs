//! Puts products and sums with constants into the weights and the bias of the operator before them.
//!
//! Batch normalization is one product and one sum for each channel: `f * (w * x + b) + o = (f * w) * x + (f * b + o)`.

use sedge_schema::TensorType;
use sedge_schema::op::{Activation, Op, QuantizationRule};

use super::Pass;
use crate::Failure;
use crate::graph::{Graph, Links, NodeId, Operation, Tensor, TensorId, float_bytes};

/// Puts MUL, DIV, ADD and SUB with constants into the convolution or fully connected layer before them.
#[derive(Clone, Copy, Debug)]
pub struct FoldScale;

impl Pass for FoldScale {
    fn name(&self) -> &'static str {
        "fold-scale"
    }

    fn run(&self, graph: &mut Graph) -> Result<usize, Failure> {
        let mut changes = 0;
        for id in graph.node_ids() {
            // A layer's output changes hands with each change.
            let links = Links::of(graph);
            changes += usize::from(fold(graph, &links, id).is_some());
        }
        Ok(changes)
    }
}

/// What is done to each channel: `factor * x + offset`.
struct Change {
    factor: Vec<f32>,
    offset: Vec<f32>,
}

fn fold(graph: &mut Graph, links: &Links, id: NodeId) -> Option<()> {
    let node = graph.node(id);
    let output = *node.outputs.first()?;
    let (first, second) = (node.input(0)?, node.input(1)?);
    let op = *node.op.known()?;
    let activation = match op {
        Op::Mul(op) => op.activation,
        Op::Div(op) => op.activation,
        Op::Add(op) => op.activation,
        Op::Sub(op) => op.activation,
        _ => return None,
    };
    // A constant divided by the layer's output, or less it, is no such change.
    let swaps = matches!(op, Op::Mul(_) | Op::Add(_)) && graph.tensor(first).is_constant();
    let (layer_output, constant) = if swaps { (second, first) } else { (first, second) };
    if links.consumers(layer_output).len() != 1 || graph.outputs.contains(&layer_output) {
        return None;
    }
    let layer = links.producer(layer_output)?;
    let (axis, is_plain) = weights_axis(graph.node(layer).op.known()?)?;
    let shape = graph.tensor(layer_output).shape;
    // Broadcasting must not have made the result larger.
    if !is_plain || shape != graph.tensor(output).shape {
        return None;
    }
    let values = per_channel(graph.tensor(constant), shape.last())?;
    let (ones, zeros) = (vec![1.0; values.len()], vec![0.0; values.len()]);
    let change = match op {
        Op::Mul(_) => Change { factor: values, offset: zeros },
        Op::Div(_) => Change { factor: values.iter().map(|v| 1.0 / v).collect(), offset: zeros },
        Op::Add(_) => Change { factor: ones, offset: values },
        _ => Change { factor: ones, offset: values.iter().map(|v| -v).collect() },
    };
    apply(graph, layer, axis, &change)?;
    let Operation::Known(op) = &mut graph.node_mut(layer).op else { return None };
    *super::fuse_activation::activation_of(op)? = activation;
    graph.node_mut(layer).outputs = vec![output];
    graph.remove(id);
    Some(())
}

/// The dimension of the weights that counts the channels of a layer's output, and whether the layer has no
/// activation; `None` for other operators.
fn weights_axis(op: &Op) -> Option<(usize, bool)> {
    match op {
        Op::Conv2d(op) => Some((0, op.activation == Activation::None)),
        Op::DepthwiseConv2d(op) => Some((3, op.activation == Activation::None)),
        Op::FullyConnected(op) => Some((0, op.activation == Activation::None)),
        Op::TransposeConv(op) => Some((0, op.activation == Activation::None)),
        _ => None,
    }
}

/// The values of a constant for each of `channels`, the last dimension; `None` where they differ along others.
fn per_channel(constant: &Tensor, channels: usize) -> Option<Vec<f32>> {
    let values = constant.floats()?;
    match values.as_slice() {
        &[value] => Some(vec![value; channels]),
        values if values.len() == channels && constant.shape.last() == channels => Some(values.to_vec()),
        _ => None,
    }
}

fn apply(graph: &mut Graph, layer: NodeId, axis: usize, change: &Change) -> Option<()> {
    let node = graph.node(layer);
    let QuantizationRule::Weights { bias: place, .. } = node.op.known()?.quantization() else { return None };
    let place = usize::from(place);
    let (weights, bias) = (node.input(1)?, node.input(place));
    let source = graph.tensor(weights);
    let channels = change.factor.len();
    if source.shape.dim(axis) != channels {
        return None;
    }
    // A sum alone leaves the weights as they are, whatever computes them.
    let values = match source.floats() {
        Some(values) => values,
        None if change.factor.iter().all(|&f| f == 1.0) => Vec::new(),
        None => return None,
    };
    let old_bias = match bias {
        Some(bias) => graph.tensor(bias).floats().filter(|b| b.len() == channels)?,
        None => vec![0.0; channels],
    };
    let scaled: Vec<f32> = values
        .iter()
        .zip(source.channels(axis))
        .map(|(v, c)| v * change.factor.get(c).copied().unwrap_or(1.0))
        .collect();
    let shifted: Vec<f32> =
        old_bias.iter().zip(change.factor.iter().zip(&change.offset)).map(|(b, (f, o))| b * f + o).collect();
    if scaled.iter().chain(&shifted).any(|v| !v.is_finite()) {
        return None;
    }
    // Others may read the old constants.
    let weights = if scaled.is_empty() { weights } else { replaced(graph, weights, &scaled) };
    let name = format!("{}/bias", graph.tensor(weights).name);
    let shape = sedge_schema::Shape::new(&[u32::try_from(channels).ok()?])?;
    let bias = match bias {
        Some(bias) => replaced(graph, bias, &shifted),
        None => graph.add_tensor(Tensor::constant(name, TensorType::Float32, shape, float_bytes(&shifted))),
    };
    let inputs = &mut graph.node_mut(layer).inputs;
    inputs.resize(place + 1, None);
    *inputs.get_mut(1)? = Some(weights);
    *inputs.get_mut(place)? = Some(bias);
    Some(())
}

fn replaced(graph: &mut Graph, constant: TensorId, values: &[f32]) -> TensorId {
    let tensor = Tensor { data: Some(float_bytes(values)), ..graph.tensor(constant).clone() };
    graph.add_tensor(tensor)
}

#[cfg(test)]
mod tests {
    use sedge_schema::Shape;
    use sedge_schema::op::{Add, FullyConnected, Mul, Sub};

    use super::*;
    use crate::graph::Node;

    /// `x [1, 2]` through a layer with weights `[[1, 2], [3, 4]]`, then through `op` with `constant` as input
    /// `place`.
    fn graph(op: Operation, constant: &[f32], place: usize) -> Graph {
        let mut graph = Graph::default();
        let row = Shape::new(&[1, 2]).unwrap();
        let computed = |name: &str| Tensor::computed(name, TensorType::Float32, row);
        let [x, y, z] = ["x", "y", "z"].map(|name| graph.add_tensor(computed(name)));
        let add = |graph: &mut Graph, name: &str, dims: &[u32], values: &[f32]| {
            let shape = Shape::new(dims).unwrap();
            graph.add_tensor(Tensor::constant(name, TensorType::Float32, shape, float_bytes(values)))
        };
        let w = add(&mut graph, "w", &[2, 2], &[1.0, 2.0, 3.0, 4.0]);
        let c = add(&mut graph, "c", &[constant.len() as u32], constant);
        let inputs = vec![Some(x), Some(w)];
        let layer = FullyConnected::default().into();
        graph.push(Node { name: String::new(), op: layer, inputs, outputs: vec![y] });
        let mut inputs = vec![Some(y)];
        inputs.insert(place, Some(c));
        graph.push(Node { name: String::new(), op, inputs, outputs: vec![z] });
        (graph.inputs, graph.outputs) = (vec![x], vec![z]);
        graph
    }

    /// Weights and bias of the only node that is left.
    fn folded(mut graph: Graph) -> Option<(Vec<f32>, Vec<f32>)> {
        let changes = FoldScale.run(&mut graph).unwrap();
        graph.verify().unwrap();
        let (_, node) = graph.nodes().next().unwrap();
        (changes == 1 && graph.nodes().len() == 1).then(|| {
            let floats = |i| graph.tensor(node.input(i).unwrap()).floats().unwrap();
            (floats(1), floats(2))
        })
    }

    #[test]
    fn products_scale_weights_and_sums_move_the_bias() {
        let mul = graph(Mul::default().into(), &[10.0, 0.5], 0);
        assert_eq!(folded(mul), Some((vec![10.0, 20.0, 1.5, 2.0], vec![0.0, 0.0])));
        let add = graph(Add::default().into(), &[7.0], 1);
        assert_eq!(folded(add), Some((vec![1.0, 2.0, 3.0, 4.0], vec![7.0, 7.0])));
        let sub = graph(Sub::default().into(), &[1.0, 2.0], 1);
        assert_eq!(folded(sub), Some((vec![1.0, 2.0, 3.0, 4.0], vec![-1.0, -2.0])));
        let reversed = graph(Sub::default().into(), &[1.0, 2.0], 0);
        assert_eq!(folded(reversed), None);
    }
}
