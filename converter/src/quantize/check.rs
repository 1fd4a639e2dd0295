//! Which graphs can be quantized.

use sedge_schema::TensorType;
use sedge_schema::op::{Op, QuantizationRule};

use super::assign::rule;
use crate::Failure;
use crate::graph::{Graph, Node};

/// The most operators that a message names.
const MAX_NAMED: usize = 12;

/// Makes sure that every operator can be quantized.
///
/// # Errors
/// Which ones cannot, and why.
pub fn check(graph: &Graph) -> Result<(), Failure> {
    let problems: Vec<String> = graph
        .nodes()
        .filter_map(|(_, node)| Some(format!("{}: {}", graph.describe(node), problem(graph, node)?)))
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    let more = problems.len().saturating_sub(MAX_NAMED);
    let mut list = problems.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join("\n");
    if more != 0 {
        list += &format!("\nand {more} more");
    }
    let count = problems.len();
    let operators = if count == 1 { "1 operator".to_owned() } else { format!("{count} operators") };
    Err(Failure::new(format!("{operators} cannot be quantized to int8")).help(list))
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
        QuantizationRule::Weights { .. } => {
            let constant = |i| node.input(i).is_none_or(|t| graph.tensor(t).floats().is_some());
            (!constant(1) || !constant(2))
                .then_some("its weights or its bias are not constants of type float32")
        }
        _ if matches!(node.op.known(), Some(Op::Svdf(_))) => Some("Sedge has no rule for it"),
        _ => None,
    }
}
