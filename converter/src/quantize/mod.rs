//! Quantization: a float graph and the ranges of its activations become a graph of integers.
//!
//! What each operator needs is told by its own [`QuantizationRule`]; nothing here knows an operator
//! by name but where its rule is not enough yet ([`check`]).

mod assign;
mod borders;
mod check;
mod params;

use std::sync::Arc;

use sedge_schema::TensorType;
use sedge_schema::op::{QuantizationRule, Quantize};

pub use borders::BorderType;
pub use params::{Affine, Filters, activation, filters, quantize};

use crate::Failure;
use crate::calibrate::{Range, Ranges};
use crate::graph::{Graph, Node, NodeId, Quantization, Tensor, TensorId};
use assign::{Scales, is_activation, rule};

/// How a model is quantized.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// What the caller gives as inputs.
    pub input_type: BorderType,
    /// What the caller reads as outputs.
    pub output_type: BorderType,
}

/// Quantizes all of a float graph to int8: activations with one scale each, weights with one per
/// channel, biases with 32 bits.
///
/// # Errors
/// Where operators have no rule or cannot be quantized (all of them are named), and where the range
/// of an activation is not known.
pub fn int8(graph: &mut Graph, ranges: &Ranges, options: &Options) -> Result<(), Failure> {
    check::check(graph)?;
    let scales = Scales::assign(graph, ranges)?;
    for id in graph.node_ids() {
        match rule(graph.node(id)) {
            Some(QuantizationRule::Weights { axis }) => weights(graph, &scales, id, axis.into())?,
            Some(QuantizationRule::AllSame | QuantizationRule::SameAsInput) => same(graph, &scales, id),
            Some(QuantizationRule::Calibrated | QuantizationRule::Fixed { .. }) => own(graph, id),
            Some(QuantizationRule::Border | QuantizationRule::Integers) | None => {}
        }
    }
    let activations: Vec<_> =
        graph.tensors().map(|(id, _)| id).filter(|&id| is_activation(graph, id)).collect();
    for id in activations {
        if let Some(affine) = scales.get(id) {
            let tensor = graph.tensor_mut(id);
            tensor.tensor_type = TensorType::Int8;
            tensor.quantization = Some(affine.into());
        }
    }
    borders::convert(graph, options);
    graph.remove_dead();
    graph.verify().map_err(|e| {
        Failure::new("quantization left a graph that does not hold together")
            .cause(e)
            .help("this is a defect of Sedge; please report it with the model")
    })
}

/// Quantizes the weights and the bias of a node.
fn weights(graph: &mut Graph, scales: &Scales, id: NodeId, axis: usize) -> Result<(), Failure> {
    let node = graph.node(id);
    let missing = || Failure::new(format!("{}: its weights are not known", graph.describe(node)));
    let input = node.input(0).and_then(|t| scales.get(t)).ok_or_else(missing)?;
    let weights = node.input(1).map(|t| graph.tensor(t)).ok_or_else(missing)?;
    let values = weights.floats().ok_or_else(missing)?;
    let bias = node.input(2).map(|t| graph.tensor(t));
    let bias_values = bias.map(|t| t.floats().ok_or_else(missing)).transpose()?;
    let count = weights.shape.dim(axis);
    let made = filters(
        &values,
        weights.channels(axis).take(values.len()).collect::<Vec<_>>().into_iter(),
        count,
        bias_values.as_deref(),
        input.scale,
    );
    let new_bias = bias.map(|t| Tensor {
        tensor_type: TensorType::Int32,
        data: Some(made.bias.iter().flat_map(|b| b.to_le_bytes()).collect()),
        quantization: Some(Quantization::symmetric(made.bias_scales, 0)),
        ..t.clone()
    });
    let new_weights = Tensor {
        tensor_type: TensorType::Int8,
        data: Some(made.weights.into()),
        quantization: Some(Quantization::symmetric(made.scales, axis)),
        ..weights.clone()
    };
    replace_input(graph, id, 1, new_weights);
    if let Some(bias) = new_bias {
        replace_input(graph, id, 2, bias);
    }
    Ok(())
}

/// Gives all float inputs of a node the scale of its output: constants anew, activations of another
/// scale by a QUANTIZE.
fn same(graph: &mut Graph, scales: &Scales, id: NodeId) {
    let output = graph.node(id).outputs.iter().find_map(|&t| scales.get(t));
    let Some(affine) = output else { return };
    for i in 0..graph.node(id).inputs.len() {
        let Some(input) = graph.node(id).input(i) else { continue };
        if let Some(values) = graph.tensor(input).floats() {
            let tensor = int8_constant(graph.tensor(input), &values, affine);
            replace_input(graph, id, i, tensor);
        } else if scales.get(input).is_some_and(|a| a != affine) {
            let source = graph.tensor(input);
            let tensor = Tensor {
                name: format!("{}_rescaled", source.name),
                tensor_type: TensorType::Int8,
                quantization: Some(affine.into()),
                ..source.clone()
            };
            let to = replace_input(graph, id, i, tensor);
            let (name, inputs) = (String::new(), vec![Some(input)]);
            graph.insert_before(id, Node { name, op: Quantize {}.into(), inputs, outputs: vec![to] });
        }
    }
}

/// Gives each float constant that a node reads a scale of its own.
fn own(graph: &mut Graph, id: NodeId) {
    for i in 0..graph.node(id).inputs.len() {
        let Some(tensor) = graph.node(id).input(i).map(|t| graph.tensor(t)) else { continue };
        let Some(values) = tensor.floats() else { continue };
        let range = Range::of(&values).unwrap_or(Range { min: 0.0, max: 0.0 });
        let tensor = int8_constant(tensor, &values, activation(range));
        replace_input(graph, id, i, tensor);
    }
}

fn int8_constant(tensor: &Tensor, values: &[f32], affine: Affine) -> Tensor {
    Tensor {
        tensor_type: TensorType::Int8,
        data: Some(Arc::from(quantize(values, affine))),
        quantization: Some(affine.into()),
        ..tensor.clone()
    }
}

fn replace_input(graph: &mut Graph, id: NodeId, input: usize, tensor: Tensor) -> TensorId {
    let new = graph.add_tensor(tensor);
    if let Some(slot) = graph.node_mut(id).inputs.get_mut(input) {
        *slot = Some(new);
    }
    new
}
