//! Full int8 quantization, after the published 8-bit specification of TFLite.
//!
//! ```text
//! float graph, ranges -> each operator's rule -> scales -> constants as integers -> int8 graph
//! ```
//!
//! What an operator wants of its tensors stands in its one file of rules
//! ([`QuantizationRule`]); here is only how that is brought about.

mod assign;
mod borders;
mod check;
mod constants;
mod scale;
#[cfg(test)]
mod tests;

use sedge_schema::TensorType;
use sedge_schema::op::{QuantizationRule, Quantize};

pub use borders::BorderType;
pub use check::check;
pub use scale::{activation, weights};

use crate::Failure;
use crate::calibrate::Ranges;
use crate::graph::{Graph, Node, NodeId, Tensor, TensorId};
use assign::{Scales, rule};

/// What is asked of quantization.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The type of the model's inputs.
    pub inputs: BorderType,
    /// The type of the model's outputs.
    pub outputs: BorderType,
}

/// Turns a float graph into one that computes in int8.
///
/// # Errors
/// Where operators cannot be quantized (all of them are named), or a tensor was never observed.
pub fn quantize(graph: &mut Graph, ranges: &Ranges, options: &Options) -> Result<(), Failure> {
    check(graph)?;
    let scales = Scales::assign(graph, ranges)?;
    let tensors: Vec<TensorId> = graph.tensors().map(|(id, _)| id).collect();
    for id in graph.node_ids() {
        if rule(graph.node(id)) == Some(QuantizationRule::AllSame) {
            rescale_inputs(graph, &scales, id);
        }
    }
    for id in tensors {
        if let Some(scale) = scales.get(id) {
            let tensor = graph.tensor_mut(id);
            tensor.tensor_type = TensorType::Int8;
            tensor.quantization = Some(scale.clone());
        }
    }
    for id in graph.node_ids() {
        constants::quantize(graph, id)?;
    }
    borders::set(graph, options);
    graph.remove_dead();
    graph.verify().map_err(|e| {
        Failure::new("quantization left a graph that does not hold together")
            .cause(e)
            .help("this is a defect of Sedge; please report it with the model")
    })
}

/// Gives all activations that a node reads the scale of its output, by a QUANTIZE where they have
/// another.
fn rescale_inputs(graph: &mut Graph, scales: &Scales, id: NodeId) {
    let Some(common) = graph.node(id).outputs.iter().find_map(|&t| scales.get(t)) else { return };
    for i in 0..graph.node(id).inputs.len() {
        let Some(input) = graph.node(id).input(i) else { continue };
        if scales.get(input).is_none_or(|scale| scale == common) {
            continue;
        }
        let source = graph.tensor(input);
        let mut rescaled =
            Tensor::computed(format!("{}/rescaled", source.name), TensorType::Int8, source.shape);
        rescaled.quantization = Some(common.clone());
        let rescaled = graph.add_tensor(rescaled);
        if let Some(slot) = graph.node_mut(id).inputs.get_mut(i) {
            *slot = Some(rescaled);
        }
        let (name, inputs) = (String::new(), vec![Some(input)]);
        graph.insert_before(id, Node { name, op: Quantize {}.into(), inputs, outputs: vec![rescaled] });
    }
}
