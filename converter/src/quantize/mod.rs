//! Full int8 quantization, after the published 8-bit specification of TFLite.
//!
//! ```text
//! float graph, ranges -> each operator's rule -> scales -> constants as integers -> int8 graph
//! ```
//!
//! What an operator wants of its tensors stands in its one file of rules
//! ([`QuantizationRule`]); here is only how that is brought about.

mod borders;
mod constants;
mod scale;

use sedge_schema::TensorType;
use sedge_schema::op::{QuantizationRule, Quantize};

pub use borders::BorderType;
pub use scale::{activation, weights};

use crate::Failure;
use crate::calibrate::{Range, Ranges};
use crate::graph::{Graph, Node, NodeId, Operation, Quantization, Tensor, TensorId};

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
    refuse_unknown(graph)?;
    for &input in &graph.inputs.clone() {
        calibrated(graph, ranges, input)?;
    }
    for id in graph.node_ids() {
        outputs(graph, ranges, id)?;
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

/// Names all operators on real values that have no rule.
fn refuse_unknown(graph: &Graph) -> Result<(), Failure> {
    let real = |t: TensorId| graph.tensor(t).tensor_type == TensorType::Float32;
    let refused = graph.nodes().enumerate().filter(|(_, (_, node))| {
        let unknown = match &node.op {
            Operation::Known(op) => op.quantization() == QuantizationRule::Border,
            Operation::Raw(_) => true,
        };
        unknown && node.reads().chain(node.outputs.iter().copied()).any(real)
    });
    let names: Vec<String> = refused
        .map(|(i, (_, node))| {
            let output = node.outputs.first().map_or("", |&t| graph.tensor(t).name.as_str());
            format!("{i} {} '{output}'", node.op.name())
        })
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("these operators cannot be quantized to int8: {}", names.join(", ")))
        .help("convert a float model whose operators have int8 versions"))
}

/// Gives the outputs of a node their scales.
fn outputs(graph: &mut Graph, ranges: &Ranges, id: NodeId) -> Result<(), Failure> {
    let Operation::Known(op) = graph.node(id).op else { return Ok(()) };
    for output in graph.node(id).outputs.clone() {
        if graph.tensor(output).tensor_type != TensorType::Float32 {
            continue;
        }
        match op.quantization() {
            QuantizationRule::Calibrated | QuantizationRule::Weights { .. } => {
                calibrated(graph, ranges, output)?
            }
            QuantizationRule::Fixed { scale, zero_point } => {
                set(graph, output, Quantization::per_tensor(scale, zero_point));
            }
            QuantizationRule::SameAsInput => {
                let input = graph.node(id).input(0);
                let same = input.and_then(|t| graph.tensor(t).quantization.clone());
                match same {
                    Some(same) => set(graph, output, same),
                    None => calibrated(graph, ranges, output)?,
                }
            }
            QuantizationRule::AllSame => all_same(graph, ranges, id, output)?,
            QuantizationRule::Border | QuantizationRule::Integers => {}
        }
    }
    Ok(())
}

/// Gives all inputs and the output of a node one scale; inputs that have another are requantized.
fn all_same(graph: &mut Graph, ranges: &Ranges, id: NodeId, output: TensorId) -> Result<(), Failure> {
    calibrated(graph, ranges, output)?;
    let common = graph.tensor(output).quantization.clone();
    for i in 0..graph.node(id).inputs.len() {
        let Some(input) = graph.node(id).input(i) else { continue };
        let tensor = graph.tensor(input);
        if tensor.is_constant() || tensor.quantization == common {
            continue;
        }
        let name = format!("{}/requantized", tensor.name);
        let mut requantized = Tensor::computed(name, TensorType::Int8, tensor.shape);
        requantized.quantization = common.clone();
        let requantized = graph.add_tensor(requantized);
        let quantize = Quantize {}.into();
        let inputs = vec![Some(input)];
        graph.insert_before(
            id,
            Node { name: String::new(), op: quantize, inputs, outputs: vec![requantized] },
        );
        if let Some(slot) = graph.node_mut(id).inputs.get_mut(i) {
            *slot = Some(requantized);
        }
    }
    Ok(())
}

/// Gives a tensor the scale that its observed range wants.
fn calibrated(graph: &mut Graph, ranges: &Ranges, tensor: TensorId) -> Result<(), Failure> {
    if graph.tensor(tensor).tensor_type != TensorType::Float32 {
        return Ok(());
    }
    let range: Range = ranges.of(tensor).ok_or_else(|| {
        Failure::new(format!(
            "the tensor '{}' held no finite value in calibration",
            graph.tensor(tensor).name
        ))
        .help("check the calibration data for NaN and infinities")
    })?;
    set(graph, tensor, activation(range));
    Ok(())
}

/// Makes a tensor int8.
fn set(graph: &mut Graph, tensor: TensorId, quantization: Quantization) {
    let tensor = graph.tensor_mut(tensor);
    tensor.tensor_type = TensorType::Int8;
    tensor.quantization = Some(quantization);
}
