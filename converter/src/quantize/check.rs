//! Which graphs can be quantized.

use sedge_schema::TensorType;
use sedge_schema::op::{Op, QuantizationRule};

use super::Options;
use super::assign::rule;
use crate::Failure;
use crate::graph::{Graph, Node, NodeId};

/// The most operators that a message names.
const MAX_NAMED: usize = 12;

/// Makes sure that every operator can be quantized or may stay in float32; gives those that stay so, in
/// execution order.
///
/// # Errors
/// Which ones cannot be quantized, and why; a name to keep that no operator has.
pub(super) fn check(graph: &Graph, options: &Options) -> Result<Vec<NodeId>, Failure> {
    let mut kept = Vec::new();
    let mut problems = Vec::new();
    let mut unknown: Vec<&str> = options.keep_float.iter().map(String::as_str).collect();
    for (id, node) in graph.nodes() {
        let written = node.outputs.iter().map(|&t| graph.tensor(t).name.as_str());
        // TensorFlow's converter joins the names of all that it fused: the first of them will do.
        let written = written.flat_map(|name| [name, name.split(';').next().unwrap_or(name)]);
        let names: Vec<&str> = written.chain([node.op.name(), node.name.as_str()]).collect();
        let is_named = options.keep_float.iter().any(|name| names.contains(&name.as_str()));
        unknown.retain(|name| !names.contains(name));
        match problem(graph, node) {
            _ if is_named || options.kept.contains(&id) => kept.push(id),
            Some(_) if options.allow_float => kept.push(id),
            Some(problem) => problems.push(format!("{}: {problem}", graph.describe(node))),
            None => {}
        }
    }
    if let Some(name) = unknown.first() {
        return Err(Failure::usage(format!("no operator is called '{name}'")).help(
            "name what an operator writes, or all of a kind, such as SOFTMAX; `sedge inspect` lists them",
        ));
    }
    if problems.is_empty() {
        return Ok(kept);
    }
    let count = problems.len();
    let more = count.saturating_sub(MAX_NAMED);
    problems.truncate(MAX_NAMED);
    if more != 0 {
        problems.push(format!("and {more} more"));
    }
    problems
        .push("with --allow-float they stay in float32, which microcontrollers compute slowly".to_owned());
    let operators = if count == 1 { "1 operator".to_owned() } else { format!("{count} operators") };
    let scheme = options.scheme.name();
    Err(Failure::new(format!("{operators} cannot be quantized to {scheme}")).help(problems.join("\n")))
}

/// Makes sure that a graph holds real values throughout.
///
/// # Errors
/// The first quantized tensor.
pub(super) fn not_quantized(graph: &Graph) -> Result<(), Failure> {
    match graph.tensors().find(|(_, t)| t.quantization.is_some()) {
        None => Ok(()),
        Some((_, tensor)) => Err(Failure::new(format!("the tensor '{}' is quantized already", tensor.name))
            .help("convert the float model that it was made from")),
    }
}

/// Why a node cannot be quantized.
fn problem(graph: &Graph, node: &Node) -> Option<&'static str> {
    let is_float = |t| graph.tensor(t).tensor_type == TensorType::Float32;
    let floats = || node.reads().chain(node.outputs.iter().copied()).any(is_float);
    let Some(rule) = rule(node) else {
        // Operators on integers stay as they are.
        return floats().then_some("Sedge has no rule for it");
    };
    if node.reads().any(|t| graph.tensor(t).is_variable) {
        return Some("it keeps a state between invocations");
    }
    let quantized = |t| graph.tensor(t).quantization.is_some();
    if node.reads().chain(node.outputs.iter().copied()).any(quantized) {
        return Some("the model is quantized already; convert the float model that it was made from");
    }
    match rule {
        QuantizationRule::Border => Some("the model is quantized in part; convert the float model"),
        // A shape has nothing to do with scales.
        QuantizationRule::Integers
            if floats() && !matches!(node.op.known(), Some(Op::ShapeOf(_) | Op::Rank(_))) =>
        {
            Some("it has no form for quantized values")
        }
        QuantizationRule::Weights { bias, .. } => {
            let constant = |i: usize| node.input(i).is_none_or(|t| graph.tensor(t).floats().is_some());
            (!constant(1) || !constant(bias.into()))
                .then_some("its weights or its bias are not constants of type float32")
        }
        _ if matches!(node.op.known(), Some(op) if lacks_rule(op)) => Some("Sedge has no rule for it"),
        _ => None,
    }
}

/// Whether the operator has weights or a state for which there is no rule.
fn lacks_rule(op: &Op) -> bool {
    matches!(
        op,
        Op::Svdf(_)
            | Op::Conv3d(_)
            | Op::Conv3dTranspose(_)
            | Op::Lstm(_)
            | Op::UnidirectionalSequenceLstm(_)
            | Op::BidirectionalSequenceLstm(_)
            | Op::Rnn(_)
            | Op::UnidirectionalSequenceRnn(_)
            | Op::BidirectionalSequenceRnn(_)
    )
}
