//! ONNX (`.onnx`, opsets 7 to 22) into the graph.
//!
//! Nodes are read in their order. Each is handed to the function of its operator, found by name in the file of
//! its family, which adds operators of the graph. ONNX puts channels before rows and columns, the graph's
//! convolutions want them last: a [`Value`] therefore knows in which order its dimensions are stored, and
//! most operators work on what order there is. TRANSPOSE comes into the graph only where a value is asked for
//! in another order than it has ([`value`]), so ordinary networks keep one at each border.
//!
//! What depends on constants only is computed at once, on the runtime's own kernels. So the arithmetic with which
//! exporters compute shapes becomes the numbers that the operators' parameters want.

mod call;
mod control;
mod convolution;
mod elements;
mod elementwise;
mod formula;
mod index;
mod interpolate;
mod layout;
mod matrix;
mod normalization;
mod pooling;
mod proto;
mod quantized;
mod recurrent;
mod reduce;
mod resize;
mod source;
mod tensor;
#[cfg(test)]
mod tests;
mod transposed;
mod value;
mod window;

use std::collections::HashMap;
use std::path::Path;

use prost::Message as _;
use sedge_schema::TensorType;

use super::builder::Builder;
use super::{Options, named_problems};
use crate::Failure;
use crate::graph::{Graph, Tensor, TensorId};
use call::Call;
use proto::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use quantized::Integers;
use value::{Cache, Value};

/// Opsets that the importer knows.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=22;

/// What reads one operator.
type Handler = fn(&mut Importer<'_>, &Call<'_>) -> Result<(), Failure>;

/// The function that reads operators of this name.
fn handler(name: &str) -> Option<Handler> {
    convolution::handler(name)
        .or_else(|| control::handler(name))
        .or_else(|| elements::handler(name))
        .or_else(|| elementwise::handler(name))
        .or_else(|| formula::handler(name))
        .or_else(|| index::handler(name))
        .or_else(|| layout::handler(name))
        .or_else(|| matrix::handler(name))
        .or_else(|| normalization::handler(name))
        .or_else(|| pooling::handler(name))
        .or_else(|| quantized::handler(name))
        .or_else(|| recurrent::handler(name))
        .or_else(|| reduce::handler(name))
        .or_else(|| resize::handler(name))
        .or_else(|| source::handler(name))
        .or_else(|| transposed::handler(name))
}

/// Whether these bytes may be an ONNX file: a message whose first field is one of `ModelProto`'s.
pub(super) fn is_onnx(name: &str, bytes: &[u8]) -> bool {
    let named = Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("onnx"));
    // Field 1, the version of the format, comes first in all writers: a number below 128.
    named || matches!(bytes, [0x08, version, 0x12 | 0x3a | 0x42, ..] if (3..32).contains(version))
}

pub(super) fn import(
    name: &str,
    bytes: &[u8],
    folder: Option<&Path>,
    options: &Options,
) -> Result<Graph, Failure> {
    let mut model = ModelProto::decode(bytes).map_err(|e| {
        Failure::new(format!("'{name}' is not a valid ONNX model"))
            .cause(e)
            .help("make sure that the file was copied whole")
    })?;
    model.graph.iter_mut().for_each(GraphProto::bound_attributes);
    let graph = model.graph.as_ref().ok_or_else(|| Failure::new(format!("'{name}' has no graph")))?;
    let opset = model.opset_import.iter().find(|o| matches!(o.domain.as_str(), "" | "ai.onnx"));
    let opset = opset.map_or(1, |o| o.version);
    if !OPSETS.contains(&opset) {
        let (first, last) = (OPSETS.start(), OPSETS.end());
        return Err(Failure::new(format!("'{name}' uses opset {opset}; Sedge reads {first} to {last}"))
            .help("export the model again with opset 17, or convert it with onnx.version_converter"));
    }
    if let Some(function) = model.functions.first() {
        let called = &function.name;
        return Err(Failure::new(format!("'{name}' has functions of its own ('{called}')"))
            .help("inline them with onnx.inliner.inline_local_functions before converting"));
    }
    let (nodes, more) = quantized::written_out(graph);
    ensure_known(name, &nodes)?;
    let mut importer = Importer {
        builder: Builder::default(),
        values: HashMap::new(),
        constants: graph.initializer.iter().chain(&more).map(|t| (t.name.as_str(), t)).collect(),
        arranged: Cache::default(),
        integers: HashMap::new(),
        inner_graphs: 0,
        opset,
        folder,
    };
    importer.builder.graph.name = graph.name.clone();
    importer.inputs(name, graph, options)?;
    importer.nodes(name, &nodes)?;
    importer.outputs(graph, options)?;
    importer.builder.finish(name)
}

/// Makes sure that there is a function for every operator.
///
/// # Errors
/// Which operators there are none for, with the nodes that use them.
fn ensure_known(name: &str, nodes: &[NodeProto]) -> Result<(), Failure> {
    let unknown = |node: &&NodeProto| {
        !matches!(node.domain.as_str(), "" | "ai.onnx") || handler(&node.op_type).is_none()
    };
    let mut all: Vec<&NodeProto> = nodes.iter().collect();
    let mut next = 0;
    while let Some(node) = all.get(next) {
        let inner = control::graphs(&node.attribute).flat_map(|g| &g.node);
        all.extend(inner.collect::<Vec<_>>());
        next += 1;
    }
    let problems: Vec<String> = all.into_iter().filter(unknown).map(call::describe).collect();
    named_problems(format!("'{name}' has operators that Sedge cannot convert"), problems)
}

/// A model that is being read.
struct Importer<'m> {
    builder: Builder,
    /// What has a value so far, by its name in the model.
    values: HashMap<String, Value>,
    /// The model's constants that were not asked for yet.
    constants: HashMap<&'m str, &'m TensorProto>,
    arranged: Cache,
    /// Constants of integers, by the real numbers that they stand for.
    integers: HashMap<TensorId, Integers>,
    /// Branches and rounds of loops that were written out.
    inner_graphs: usize,
    opset: i64,
    folder: Option<&'m Path>,
}

impl<'m> Importer<'m> {
    fn inputs(&mut self, name: &str, graph: &GraphProto, options: &Options) -> Result<(), Failure> {
        let is_given = |i: &&ValueInfoProto| !self.constants.contains_key(i.name.as_str());
        let inputs: Vec<&ValueInfoProto> = graph.input.iter().filter(is_given).collect();
        let known: Vec<&str> = inputs.iter().map(|i| i.name.as_str()).collect();
        options.ensure_inputs(name, &known)?;
        for info in inputs {
            let (tensor_type, dims) = declared(info, options.shape_of(&info.name))?;
            let axes = match options.channels_last && dims.len() == 4 {
                true => value::channels_last(4),
                false => value::plain(dims.len()),
            };
            let stored: Vec<usize> = value::stored(&dims, &axes);
            let shape = super::builder::shape(&info.name, &stored)?;
            let mut tensor = Tensor::computed(info.name.as_str(), tensor_type, shape);
            tensor.has_rank = dims.is_empty();
            let tensor = self.builder.graph.add_tensor(tensor);
            self.builder.graph.inputs.push(tensor);
            self.values.insert(info.name.clone(), Value { tensor, axes });
        }
        Ok(())
    }

    /// Reads all nodes. One that cannot be read does not keep those from being looked at that do not depend
    /// on it, so that one message names all that is wrong.
    fn nodes(&mut self, name: &str, nodes: &[NodeProto]) -> Result<(), Failure> {
        let mut problems = Vec::new();
        for node in nodes {
            let call = Call::new(node, self.opset);
            let waits = |i: &&String| !i.is_empty() && !self.has(i);
            if let Some(missing) = node.input.iter().find(waits) {
                // What a failed node would have written is missing because of that.
                if problems.is_empty() {
                    problems.push(format!("{call}: reads '{missing}', which nothing before it writes"));
                }
                continue;
            }
            let Some(read) = handler(&node.op_type) else { continue };
            if let Err(failure) = read(self, &call) {
                problems.push(format!("{call}: {}", failure.line()));
            }
        }
        named_problems(format!("'{name}' cannot be converted whole"), problems)
    }

    fn outputs(&mut self, graph: &GraphProto, options: &Options) -> Result<(), Failure> {
        for info in &graph.output {
            if !self.has(&info.name) {
                return Err(Failure::new(format!("nothing writes the model's output '{}'", info.name))
                    .help("check the model with onnx.checker"));
            }
            let value = self.value(&info.name)?;
            let rank = value.axes.len();
            let axes = match options.channels_last && rank == 4 {
                true => value::channels_last(4),
                false => value::plain(rank),
            };
            let tensor = self.arrange(&value, &axes)?;
            self.builder.give_out(&info.name, tensor)?;
        }
        Ok(())
    }
}

/// An input's element type and dimensions; `given` are those that the user asks for. A batch that is not fixed
/// is 1.
fn declared(info: &ValueInfoProto, given: Option<&[u32]>) -> Result<(TensorType, Vec<usize>), Failure> {
    let name = &info.name;
    let tensor = info.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let tensor = tensor.ok_or_else(|| Failure::new(format!("the input '{name}' is not a tensor")))?;
    let tensor_type = tensor::element_type(tensor.elem_type).ok_or_else(|| {
        Failure::new(format!("the input '{name}' has elements of ONNX type {}", tensor.elem_type))
    })?;
    if let Some(given) = given {
        return Ok((tensor_type, given.iter().map(|&d| d as usize).collect()));
    }
    let ask = |what: String| {
        Failure::new(format!("the input '{name}' {what}"))
            .help(format!("fix its shape with --input-shape, such as {name}=1,3,224,224"))
    };
    let shape = tensor.shape.as_ref().ok_or_else(|| ask("has no shape".to_owned()))?;
    let mut dims = Vec::new();
    for (i, dim) in shape.dim.iter().enumerate() {
        match dim.dim_value {
            Some(size) if size > 0 => dims.push(usize::try_from(size).unwrap_or(usize::MAX)),
            Some(size) if size < 0 => return Err(ask(format!("has the size {size} in dimension {i}"))),
            _ if i == 0 => dims.push(1),
            _ => {
                let called = dim.dim_param.as_deref().unwrap_or("?");
                return Err(ask(format!("has dimension {i} ('{called}') open")));
            }
        }
    }
    Ok((tensor_type, dims))
}
