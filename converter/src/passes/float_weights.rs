//! Turns integer weights of operators that otherwise work on real numbers into float32.
//!
//! Such "hybrid" operators (dynamic-range quantization) quantize their input anew at each
//! invocation. The real weights that the integers stand for are what a converter works from.

use sedge_schema::TensorType;
use sedge_schema::op::QuantizationRule;

use super::Pass;
use super::fold_constants::dequantized;
use crate::Failure;
use crate::graph::{Graph, Operation};

/// Turns integer weights of operators that otherwise work on real numbers into float32.
#[derive(Clone, Copy, Debug)]
pub struct FloatWeights;

impl Pass for FloatWeights {
    fn name(&self) -> &'static str {
        "float-weights"
    }

    fn run(&self, graph: &mut Graph) -> Result<usize, Failure> {
        let mut changes = 0;
        for id in graph.node_ids() {
            let node = graph.node(id);
            let Operation::Known(op) = &node.op else { continue };
            let is_float = |t| graph.tensor(t).tensor_type == TensorType::Float32;
            let QuantizationRule::Weights { data, .. } = op.quantization() else { continue };
            let hybrid = node.input(data.into()).is_some_and(is_float)
                && node.outputs.first().is_some_and(|&t| is_float(t));
            let Some(weights) = node.input(1).filter(|&w| hybrid && !is_float(w)) else { continue };
            let Some(real) = dequantized(graph.tensor(weights)) else { continue };
            let real = graph.add_tensor(real);
            if let Some(input) = graph.node_mut(id).inputs.get_mut(1) {
                *input = Some(real);
                changes += 1;
            }
        }
        Ok(changes)
    }
}
