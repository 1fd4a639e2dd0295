//! Makes integer operators of those between DEQUANTIZE and QUANTIZE, with the scales that the model has.
//!
//! ```text
//! int8 -> DEQUANTIZE -> operator -> QUANTIZE -> int8     becomes     int8 -> operator -> int8
//! ```
//!
//! Operators whose output has their input's scale need no QUANTIZE behind them: the DEQUANTIZE moves there. A
//! QUANTIZE behind operators that only move elements stands before them first.

use sedge_schema::TensorType;
use sedge_schema::op::{Dequantize, Op, QuantizationRule, Quantize};

use super::Pass;
use crate::Failure;
use crate::graph::{Graph, Links, Node, NodeId, Quantization, Tensor, TensorId};
use crate::quantize::{integer_bias, integer_constant};

/// Makes integer operators of those between DEQUANTIZE and QUANTIZE.
#[derive(Clone, Copy, Debug)]
pub struct TakeQuantization;

impl Pass for TakeQuantization {
    fn name(&self) -> &'static str {
        "take-quantization"
    }

    fn run(&self, graph: &mut Graph) -> Result<usize, Failure> {
        if !graph.nodes().any(|(_, node)| is_border(node)) {
            return Ok(0);
        }
        let mut changes = 0;
        for id in graph.node_ids() {
            let mut quantize = Some(id);
            while let Some(lifted) = quantize.and_then(|id| lift(graph, &Links::of(graph), id)) {
                quantize = Some(lifted);
                changes += 1;
            }
        }
        for id in graph.node_ids() {
            let links = Links::of(graph);
            changes += usize::from(match graph.node(id).op.known() {
                Some(Op::Quantize(_)) => requantize(graph, &links, id).is_some(),
                Some(_) => take(graph, &links, id).is_some(),
                None => false,
            });
        }
        graph.remove_dead();
        Ok(changes)
    }
}

fn is_border(node: &Node) -> bool {
    matches!(node.op.known(), Some(Op::Dequantize(_) | Op::Quantize(_)))
}

/// The integers that `tensor` is made of by a DEQUANTIZE.
fn integers(graph: &Graph, links: &Links, tensor: TensorId) -> Option<TensorId> {
    let node = graph.node(links.producer(tensor)?);
    let source = node.input(0).filter(|_| matches!(node.op.known(), Some(Op::Dequantize(_))))?;
    graph.tensor(source).quantization.is_some().then_some(source)
}

/// QUANTIZE behind DEQUANTIZE goes from integers to integers, or nowhere where both are the same.
fn requantize(graph: &mut Graph, links: &Links, id: NodeId) -> Option<()> {
    let node = graph.node(id);
    let (input, output) = (node.input(0)?, *node.outputs.first()?);
    let source = integers(graph, links, input)?;
    let (from, to) = (graph.tensor(source), graph.tensor(output));
    let is_same = from.tensor_type == to.tensor_type && from.quantization == to.quantization;
    if is_same && !graph.outputs.contains(&output) {
        graph.replace_uses(output, source);
        graph.remove(id);
    } else {
        *graph.node_mut(id).inputs.first_mut()? = Some(source);
    }
    Some(())
}

/// Puts a QUANTIZE before the operator that it is behind, if that one only moves elements. Gives the new one.
fn lift(graph: &mut Graph, links: &Links, id: NodeId) -> Option<NodeId> {
    let node = graph.node(id);
    let (between, output) = (node.input(0)?, *node.outputs.first()?);
    let mover = links.producer(between)?;
    let is_quantize = matches!(node.op.known(), Some(Op::Quantize(_)));
    let is_needed = links.consumers(between).len() != 1 || graph.outputs.contains(&between);
    if !is_quantize || is_needed || !moves_elements(graph.node(mover).op.known()?) {
        return None;
    }
    let source = graph.node(mover).input(0)?;
    let (from, to) = (graph.tensor(source), graph.tensor(output));
    let name = format!("{}/integers", from.name);
    let integers = Tensor { name, shape: from.shape, ..to.clone() };
    let integers = graph.add_tensor(integers);
    let quantize = Node { inputs: vec![Some(source)], outputs: vec![integers], ..graph.node(id).clone() };
    let lifted = graph.insert_before(mover, quantize);
    *graph.node_mut(mover).inputs.first_mut()? = Some(integers);
    graph.node_mut(mover).outputs = vec![output];
    graph.remove(id);
    Some(lifted)
}

/// Whether each element of an operator's one output is one of its input's, so that it does not matter when they
/// are rounded.
fn moves_elements(op: &Op) -> bool {
    matches!(
        op,
        Op::Reshape(_)
            | Op::Squeeze(_)
            | Op::ExpandDims(_)
            | Op::Transpose(_)
            | Op::Slice(_)
            | Op::StridedSlice(_)
            | Op::Gather(_)
            | Op::Tile(_)
            | Op::SpaceToDepth(_)
            | Op::DepthToSpace(_)
            | Op::MaxPool2d(_)
    )
}

/// The QUANTIZE nodes that are all that reads `tensor`, and what the first of them writes; all write integers of the
/// same scale.
fn target(graph: &Graph, links: &Links, tensor: TensorId) -> Option<(Vec<NodeId>, TensorId)> {
    let readers = links.consumers(tensor).to_vec();
    if readers.is_empty() || graph.outputs.contains(&tensor) {
        return None;
    }
    let mut outputs = Vec::new();
    for &reader in &readers {
        let node = graph.node(reader);
        matches!(node.op.known(), Some(Op::Quantize(_))).then_some(())?;
        outputs.push(*node.outputs.first()?);
    }
    let first = *outputs.first()?;
    let same = |&&t: &&TensorId| {
        let (a, b) = (graph.tensor(t), graph.tensor(first));
        a.quantization == b.quantization && a.tensor_type == b.tensor_type
    };
    (outputs.iter().filter(same).count() == outputs.len()).then_some((readers, first))
}

/// What an operator's tensors become.
struct Plan {
    /// For each input the integers that it becomes, or a constant that is to be made of it.
    inputs: Vec<Option<Source>>,
    /// Type and scale of the outputs, by the operator's rule.
    kind: TensorType,
    scale: Quantization,
}

enum Source {
    Same(TensorId),
    Constant(Tensor),
}

fn take(graph: &mut Graph, links: &Links, id: NodeId) -> Option<()> {
    let node = graph.node(id);
    let op = *node.op.known()?;
    let rule = op.quantization();
    let is_float = |t: TensorId| graph.tensor(t).tensor_type == TensorType::Float32;
    if matches!(rule, QuantizationRule::Border | QuantizationRule::Integers)
        || !node.outputs.iter().all(|&t| is_float(t))
    {
        return None;
    }
    if node.reads().any(|t| graph.tensor(t).is_variable) {
        return None;
    }
    let first =
        integers(graph, links, node.reads().find(|&t| is_float(t) && !graph.tensor(t).is_constant())?)?;
    let kind = graph.tensor(first).tensor_type;
    let scale_of = |t: TensorId| graph.tensor(t).quantization.clone();
    let wanted = node.outputs.iter().map(|&t| target(graph, links, t)).collect::<Option<Vec<_>>>();
    let wanted =
        wanted.and_then(|w| w.first().map(|(_, t)| *t)).filter(|&t| graph.tensor(t).tensor_type == kind);
    let scale = match rule {
        QuantizationRule::SameAsInput => scale_of(first)?,
        rule => match rule.fixed_output(kind) {
            Some((scale, zero_point)) => wanted.map(|_| Quantization::per_tensor(scale, zero_point))?,
            None => scale_of(wanted?)?,
        },
    };
    let plan = plan(graph, links, id, rule, kind, scale)?;
    apply(graph, id, plan);
    Some(())
}

/// `None` where an input can not be taken as integers.
fn plan(
    graph: &Graph,
    links: &Links,
    id: NodeId,
    rule: QuantizationRule,
    kind: TensorType,
    scale: Quantization,
) -> Option<Plan> {
    let node = graph.node(id);
    let mut inputs: Vec<Option<Source>> = Vec::new();
    let mut weights: Option<&Tensor> = None;
    for (i, input) in node.inputs.iter().enumerate() {
        let Some(input) = *input else {
            inputs.push(None);
            continue;
        };
        let tensor = graph.tensor(input);
        if tensor.tensor_type != TensorType::Float32 {
            inputs.push(Some(Source::Same(input)));
            continue;
        }
        let source = integers(graph, links, input);
        inputs.push(Some(match (rule, i) {
            (QuantizationRule::Weights { axis, .. }, 1) => {
                let source = source?;
                let found = graph.tensor(source);
                let q = found.quantization.as_ref()?;
                let fits = q.zero_points.iter().all(|&z| z == 0)
                    && (q.scales.len() == 1 || q.axis == usize::from(axis));
                if !fits || found.tensor_type != TensorType::Int8 || !found.is_constant() {
                    return None;
                }
                weights = Some(found);
                Source::Same(source)
            }
            (QuantizationRule::Weights { data, bias, .. }, i) if i == usize::from(bias) => {
                let real = match source {
                    Some(source) => super::dequantized(graph.tensor(source))?,
                    None => tensor.clone(),
                };
                let x = graph.tensor(integers(graph, links, node.input(data.into())?)?);
                Source::Constant(integer_bias(
                    &real,
                    x.quantization.as_ref()?,
                    weights?.quantization.as_ref()?,
                    kind,
                )?)
            }
            _ => match source {
                Some(source) if graph.tensor(source).tensor_type == kind => Source::Same(source),
                Some(_) => return None,
                None => {
                    let same = matches!(rule, QuantizationRule::AllSame | QuantizationRule::SameAsInput);
                    Source::Constant(integer_constant(tensor, same.then_some(&scale), kind)?)
                }
            },
        }));
    }
    // Where all must have one scale, others are brought to it when the plan is carried out.
    Some(Plan { inputs, kind, scale })
}

fn apply(graph: &mut Graph, id: NodeId, plan: Plan) {
    let Plan { inputs, kind, scale } = plan;
    let is_joint = graph.node(id).op.known().map(|op| op.quantization()) == Some(QuantizationRule::AllSame);
    let mut taken = Vec::new();
    for input in inputs {
        taken.push(match input {
            None => None,
            Some(Source::Constant(tensor)) => Some(graph.add_tensor(tensor)),
            Some(Source::Same(tensor)) => {
                let found = graph.tensor(tensor);
                match is_joint && found.tensor_type == kind && found.quantization.as_ref() != Some(&scale) {
                    true => Some(rescaled(graph, id, tensor, &scale)),
                    false => Some(tensor),
                }
            }
        });
    }
    graph.node_mut(id).inputs = taken;
    let outputs = graph.node(id).outputs.clone();
    let mut after = id;
    for (k, output) in outputs.into_iter().enumerate() {
        let real = graph.tensor(output).clone();
        let integers = Tensor {
            name: format!("{}/integers", real.name),
            tensor_type: kind,
            quantization: Some(scale.clone()),
            ..real
        };
        let integers = graph.add_tensor(integers);
        if let Some(slot) = graph.node_mut(id).outputs.get_mut(k) {
            *slot = integers;
        }
        let (name, inputs, outputs) = (String::new(), vec![Some(integers)], vec![output]);
        after = graph.insert_after(after, Node { name, op: Dequantize {}.into(), inputs, outputs });
    }
}

/// `tensor` in another scale, by a QUANTIZE before the node.
fn rescaled(graph: &mut Graph, id: NodeId, tensor: TensorId, scale: &Quantization) -> TensorId {
    let source = graph.tensor(tensor);
    let name = format!("{}/rescaled", source.name);
    let rescaled = Tensor { name, quantization: Some(scale.clone()), data: None, ..source.clone() };
    let rescaled = graph.add_tensor(rescaled);
    let (name, inputs, outputs) = (String::new(), vec![Some(tensor)], vec![rescaled]);
    graph.insert_before(id, Node { name, op: Quantize {}.into(), inputs, outputs });
    rescaled
}
