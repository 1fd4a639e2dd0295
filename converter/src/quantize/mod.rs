//! Quantization, after the published 8-bit specification of TFLite.
//!
//! ```text
//! float graph, ranges -> each operator's rule -> scales -> constants as integers -> integer graph
//! float graph         -> weights as int8 or float16                              -> float graph, smaller
//! ```
//!
//! What an operator wants of its tensors stands in its one file of rules
//! ([`QuantizationRule`]); here is only how that is brought about.

mod assign;
mod borders;
mod check;
mod constants;
mod keep_float;
mod rounding;
mod scale;
mod scheme;
#[cfg(test)]
mod tests;
mod weights_only;

use sedge_schema::op::{Op, QuantizationRule, Quantize};

pub use borders::BorderType;
pub(crate) use constants::{integer_bias, integer_constant};
pub use scale::{activation, weights};
pub use scheme::Scheme;

use crate::Failure;
use crate::calibrate::{Range, Ranges};
use crate::graph::{Graph, Node, NodeId, Operation, Tensor, TensorId};
use assign::{Scales, rule};

/// What is asked of quantization.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The form of the result.
    pub scheme: Scheme,
    /// Operators that stay in float32: by the name of what they write, or all of one kind by its name, such as
    /// `SOFTMAX`.
    pub keep_float: Vec<String>,
    /// More operators that stay in float32, by their numbers.
    pub kept: Vec<NodeId>,
    /// How exact the outputs must be: operators are added to those in float32 until the ratio of signal to quantization
    /// noise is so many dB.
    pub min_sqnr: Option<f64>,
    /// Whether the weights of neighbouring layers are evened out first, which leaves the model what it is
    /// ([`EqualizeLayers`](crate::passes::EqualizeLayers)).
    pub equalize: bool,
    /// Whether operators that have no form in integers stay in float32 as well.
    pub allow_float: bool,
    /// What inputs can be, whatever they are in the samples; one without a name is that of the only input.
    pub input_ranges: Vec<(Option<String>, Range)>,
    /// The type of the model's inputs.
    pub inputs: BorderType,
    /// The type of the model's outputs.
    pub outputs: BorderType,
}

/// Makes sure that a graph can be brought into the form that is asked for.
///
/// # Errors
/// Which operators cannot, and why.
pub fn check(graph: &Graph, options: &Options) -> Result<(), Failure> {
    match options.scheme {
        Scheme::None => Ok(()),
        Scheme::Dynamic | Scheme::Float16 => check::not_quantized(graph),
        _ => check::check(graph, options).map(drop),
    }
}

/// Brings a float graph into the form that is asked for. `ranges` are those of its activations, where the form
/// needs them.
///
/// # Errors
/// Where operators cannot be quantized (all of them are named), or a tensor was never observed.
pub fn quantize(graph: &mut Graph, ranges: &Ranges, options: &Options) -> Result<(), Failure> {
    check(graph, options)?;
    match options.scheme {
        Scheme::None => {}
        Scheme::Dynamic => weights_only::dynamic(graph),
        Scheme::Float16 => weights_only::float16(graph),
        Scheme::Int8 | Scheme::Int16x8 | Scheme::Int4 => integers(graph, ranges, options)?,
    }
    graph.remove_dead();
    graph.verify().map_err(|e| {
        Failure::new("quantization left a graph that does not hold together")
            .cause(e)
            .help("this is a defect of Sedge; please report it with the model")
    })
}

/// Whether activations of a graph are integers already.
pub fn is_quantized(graph: &Graph) -> bool {
    let has_scale = |&t: &TensorId| graph.tensor(t).quantization.is_some();
    graph.nodes().any(|(_, node)| node.outputs.iter().any(has_scale))
}

/// Leaves a graph that [is quantized](is_quantized) as it is, but for the types of its inputs and outputs.
///
/// # Errors
/// Where another form than int8 is asked for, or what only a float source can be given.
pub fn keep(graph: &mut Graph, options: &Options) -> Result<(), Failure> {
    if options.scheme != Scheme::Int8 {
        return check::not_quantized(graph);
    }
    let asked = [
        ("--input-range", !options.input_ranges.is_empty()),
        ("--equalize", options.equalize),
        ("--keep-float", !options.keep_float.is_empty()),
        ("--min-sqnr", options.min_sqnr.is_some()),
    ];
    if let Some((option, _)) = asked.iter().find(|(_, is_asked)| *is_asked) {
        return Err(Failure::usage(format!(
            "the source is quantized already, and {option} is for float ones"
        ))
        .help(format!("leave {option} out: the model keeps its scales")));
    }
    borders::strip(graph, options);
    borders::set(graph, options);
    graph.remove_dead();
    Ok(())
}

fn integers(graph: &mut Graph, ranges: &Ranges, options: &Options) -> Result<(), Failure> {
    let scheme = options.scheme;
    let kept = check::check(graph, options)?;
    let apart = keep_float::set_apart(graph, &kept);
    let scales = Scales::assign(graph, ranges, scheme.activations(), &apart)?;
    let tensors: Vec<TensorId> = graph.tensors().map(|(id, _)| id).collect();
    for id in graph.node_ids() {
        if rule(graph.node(id)) == Some(QuantizationRule::AllSame) && !apart.nodes.contains(&id) {
            rescale_inputs(graph, &scales, id);
        }
    }
    for id in tensors {
        if let Some(scale) = scales.get(id) {
            let tensor = graph.tensor_mut(id);
            tensor.tensor_type = scheme.activations();
            tensor.quantization = Some(scale.clone());
        }
    }
    for id in graph.node_ids() {
        if !apart.nodes.contains(&id) {
            let data = match rule(graph.node(id)) {
                Some(QuantizationRule::Weights { data, .. }) => graph.node(id).input(data.into()),
                _ => None,
            };
            let means = data.and_then(|input| ranges.means(input));
            constants::quantize(graph, id, scheme, means, ranges.moments(id))?;
            scales_are_free(graph, id, scheme);
        }
    }
    borders::set(graph, options);
    Ok(())
}

/// Tells operators of 16 bits that scales are no powers of 2, which the format takes them for otherwise.
fn scales_are_free(graph: &mut Graph, id: NodeId, scheme: Scheme) {
    match &mut graph.node_mut(id).op {
        Operation::Known(Op::Add(op)) if scheme == Scheme::Int16x8 => op.pot_scale_int16 = false,
        Operation::Known(Op::Sub(op)) if scheme == Scheme::Int16x8 => op.pot_scale_int16 = false,
        _ => {}
    }
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
        let mut rescaled = Tensor::computed(format!("{}/rescaled", source.name), scales.kind(), source.shape);
        rescaled.quantization = Some(common.clone());
        let rescaled = graph.add_tensor(rescaled);
        if let Some(slot) = graph.node_mut(id).inputs.get_mut(i) {
            *slot = Some(rescaled);
        }
        let (name, inputs) = (String::new(), vec![Some(input)]);
        graph.insert_before(id, Node { name, op: Quantize {}.into(), inputs, outputs: vec![rescaled] });
    }
}
