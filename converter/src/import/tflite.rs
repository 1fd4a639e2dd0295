//! TFLite's format into the graph.

use std::sync::Arc;

use sedge_schema::generated::{BuiltinOptions2T, BuiltinOptionsT, root_as_model_with_opts};
use sedge_schema::op::{Op, Operator as _, VarHandle};
use sedge_schema::{self as schema, BuiltinOperator, Model};

use super::Options;
use crate::Failure;
use crate::graph::{Graph, Node, Operation, Quantization, RawOp, Signature, Tensor, TensorId};

/// The most tables that are read of operators without rules.
const MAX_TABLES: usize = 1 << 24;

pub(super) fn import(name: &str, bytes: &[u8], options: &Options) -> Result<Graph, Failure> {
    let model = Model::check(bytes).map_err(|e| {
        Failure::new(format!("'{name}' is not a valid model: {e}"))
            .help("make sure that the file was copied whole")
    })?;
    if model.subgraphs().len() != 1 {
        let count = model.subgraphs().len();
        return Err(Failure::new(format!("'{name}' has {count} subgraphs (control flow)"))
            .help("convert models with one subgraph; loops and conditions must be unrolled"));
    }
    let keeps = |code: schema::OperatorCode<'_>| code.builtin() == VarHandle::CODE;
    if model.operator_codes().iter().any(keeps) {
        return Err(Failure::new(format!("'{name}' keeps variables from one invocation to the next"))
            .help("convert models without variables; a model with them runs as it is"));
    }
    let mut graph = Importer { model, graph: Graph::default() }.run(name)?;
    set_input_shapes(&mut graph, name, options)?;
    let invalid = |e| Failure::new(format!("the graph of '{name}' does not hold together")).cause(e);
    graph.infer_shapes().map_err(invalid)?;
    graph.verify().map_err(invalid)?;
    Ok(graph)
}

/// Gives inputs the shapes that the user asks for.
fn set_input_shapes(graph: &mut Graph, name: &str, options: &Options) -> Result<(), Failure> {
    let inputs = graph.inputs.clone();
    let names: Vec<String> = inputs.iter().map(|&t| graph.tensor(t).name.clone()).collect();
    options.ensure_inputs(name, &names.iter().map(String::as_str).collect::<Vec<_>>())?;
    for (&input, called) in inputs.iter().zip(&names) {
        let Some(asked) = options.shape_of(called) else { continue };
        let tensor = graph.tensor_mut(input);
        let fits = tensor.shape.rank() == asked.len() || tensor.shape.rank() == 0;
        let shape = schema::Shape::new(asked).filter(|_| fits);
        tensor.shape = shape.ok_or_else(|| {
            Failure::usage(format!("the input '{called}' of shape {} cannot have {asked:?}", tensor.shape))
        })?;
        tensor.shape_signature = Vec::new();
    }
    Ok(())
}

struct Importer<'m> {
    model: Model<'m>,
    graph: Graph,
}

impl Importer<'_> {
    fn run(mut self, name: &str) -> Result<Graph, Failure> {
        let (model, main) = (self.model, self.model.main());
        for (index, tensor) in main.tensors().iter().enumerate() {
            let tensor = self.tensor(&tensor).map_err(|what| {
                let called = tensor.name();
                Failure::new(format!("tensor {index} '{}' of '{name}' {what}", called.as_str()))
                    .help("write the model without that, for example with a newer exporter")
            })?;
            self.graph.add_tensor(tensor);
        }
        let graph = &mut self.graph;
        let raw = RawOptions::read(&model).map_err(|e| {
            Failure::new(format!("the options of operators in '{name}' cannot be read")).cause(e)
        })?;
        for (index, operator) in main.operators().iter().enumerate() {
            let code = model.code(&operator);
            let known = Op::read(code.builtin(), operator.options());
            let op = match known {
                Some(op) => Operation::Known(op),
                None => {
                    let (options, options_2) = raw.of(index);
                    Operation::Raw(Box::new(RawOp {
                        code: code.builtin(),
                        custom_code: code.custom_code().as_str().to_owned(),
                        version: code.version(),
                        options,
                        options_2,
                        custom_options: operator.custom_options(&model).to_vec(),
                        mutating_variable_inputs: operator.mutating_variable_inputs().iter().collect(),
                        intermediates: operator.intermediates().iter().map(|t| id(graph, t)).collect(),
                    }))
                }
            };
            let inputs = operator.inputs().iter().map(|t| id(graph, t)).collect();
            let outputs = operator.outputs().iter().filter_map(|t| id(graph, t)).collect();
            graph.push(Node { name: String::new(), op, inputs, outputs });
        }
        graph.inputs = main.inputs().iter().filter_map(|t| id(graph, t)).collect();
        graph.outputs = main.outputs().iter().filter_map(|t| id(graph, t)).collect();
        graph.name = main.name().as_str().to_owned();
        graph.description = model.description().to_owned();
        let metadata = model.metadata().iter();
        graph.metadata =
            metadata.map(|m| (m.name().as_str().to_owned(), model.buffer(m.buffer()).into())).collect();
        let map = |graph: &Graph, map: schema::Tables<'_, schema::TensorMap<'_>>| {
            let named = |m: schema::TensorMap<'_>| {
                Some((m.name().as_str().to_owned(), id(graph, m.tensor_index() as i32)?))
            };
            map.iter().filter_map(named).collect()
        };
        graph.signatures = model
            .signatures()
            .iter()
            .map(|s| Signature {
                key: s.signature_key().as_str().to_owned(),
                inputs: map(graph, s.inputs()),
                outputs: map(graph, s.outputs()),
            })
            .collect();
        Ok(self.graph)
    }

    fn tensor(&self, tensor: &schema::Tensor<'_>) -> Result<Tensor, &'static str> {
        if tensor.sparsity().is_some() {
            return Err("is stored as a sparse tensor");
        }
        if tensor.external_buffer() != 0 {
            return Err("is kept outside the file");
        }
        if !tensor.variant_tensors().is_empty() {
            return Err("is a tensor of type variant");
        }
        let quantization = match tensor.quantization() {
            Some(q) if q.details().is_some() => return Err("is quantized in blocks or by a custom rule"),
            Some(q) => Some(quantization(&q, tensor.shape().rank())),
            None => None,
        };
        let data = self.model.constant(tensor);
        Ok(Tensor {
            name: tensor.name().as_str().to_owned(),
            shape: tensor.shape(),
            shape_signature: tensor.shape_signature().iter().collect(),
            tensor_type: tensor.tensor_type(),
            data: (!data.is_empty()).then(|| Arc::from(data)),
            quantization,
            is_variable: tensor.is_variable(),
            has_rank: tensor.has_rank(),
        })
    }
}

fn quantization(q: &schema::Quantization<'_>, rank: usize) -> Quantization {
    let scales: Vec<f32> = q.scale().iter().collect();
    let zero_points = (0..scales.len()).map(|c| q.zero_point_at(c).into()).collect();
    // A vector has one dimension that scales can count, whatever the file says: old exporters gave biases
    // the dimension of their weights.
    let axis = if scales.len() > 1 && rank != 1 { q.quantized_dimension() } else { 0 };
    Quantization { scales, zero_points, axis: usize::try_from(axis).unwrap_or(0) }
}

fn id(graph: &Graph, index: i32) -> Option<TensorId> {
    usize::try_from(index).ok().and_then(|i| graph.tensor_id(i))
}

/// The options of operators without rules, by the operators' indices.
struct RawOptions(Vec<(BuiltinOptionsT, BuiltinOptions2T)>);

impl RawOptions {
    fn read(model: &Model<'_>) -> Result<Self, flatbuffers::InvalidFlatbuffer> {
        let raw = |code: BuiltinOperator| !Op::CODES.contains(&code);
        if !model.operator_codes().iter().any(|c| raw(c.builtin())) {
            return Ok(Self(Vec::new()));
        }
        let options = flatbuffers::VerifierOptions { max_tables: MAX_TABLES, ..Default::default() };
        let file = root_as_model_with_opts(&options, model.file())?;
        let operators = file.subgraphs().filter(|s| !s.is_empty()).and_then(|s| s.get(0).operators());
        let all = operators.iter().flat_map(|list| list.iter());
        Ok(Self(all.map(|o| o.unpack()).map(|o| (o.builtin_options, o.builtin_options_2)).collect()))
    }

    fn of(&self, index: usize) -> (BuiltinOptionsT, BuiltinOptions2T) {
        self.0.get(index).cloned().unwrap_or((BuiltinOptionsT::NONE, BuiltinOptions2T::NONE))
    }
}
