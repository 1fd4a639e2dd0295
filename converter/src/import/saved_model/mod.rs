//! TensorFlow's SavedModel: a folder with the graph and its functions (`saved_model.pb`) and the variables beside it.
//! A frozen graph (`.pb`) is the same without variables.
//!
//! ```text
//! saved_model.pb -> signature -> nodes in order, calls of functions followed -> one handler for each node -> Graph
//! variables/     -> constants where nodes read them
//! ```
//!
//! Shapes are known while nodes are read, so what a model computes of them is a constant; loops whose end is known so
//! are written out. Sources: <https://www.tensorflow.org/guide/saved_model>, and the operators' definitions in
//! <https://www.tensorflow.org/api_docs/python/tf/raw_ops>.

mod bundle;
mod call;
mod control;
mod convolution;
mod elementwise;
mod frame;
mod index;
mod layout;
mod matrix;
mod proto;
mod reduce;
mod source;
mod tensor;
#[cfg(test)]
mod tests;
mod variables;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use prost::Message as _;
use sedge_schema::TensorType;

use super::builder::{Builder, shape as shape_of};
use super::{Options, named_problems};
use crate::Failure;
use crate::graph::{Graph, Operation, Tensor, TensorId};
use call::{Call, Value, tensors};
use frame::{Frame, Nodes, Place};
use proto::{FunctionDef, GraphDef, MetaGraphDef, NodeDef, SavedModel, SignatureDef, TensorInfo};
use variables::Variables;

/// The signature that is taken where none is asked for.
const DEFAULT: &str = "serving_default";

/// The most nodes that are read, those of functions once for each call: what has more means harm.
const MAX_NODES: usize = 500_000;

/// The deepest that functions call functions.
const MAX_DEPTH: usize = 64;

/// The most bytes of all constants: the format's own limit.
const MAX_BYTES: usize = 1 << 31;

type OfTensors = fn(&mut Importer<'_>, &Call<'_>, &[TensorId]) -> Result<TensorId, Failure>;
type OfValues = for<'m> fn(&mut Importer<'m>, &Call<'m>, &[Value]) -> Result<Vec<Value>, Failure>;

/// What reads one kind of node.
enum Handler {
    /// Tensors in, one tensor out.
    Tensors(OfTensors),
    /// Anything in, anything out.
    Values(OfValues),
}

fn handler(op: &str) -> Option<Handler> {
    control::handler(op)
        .or_else(|| convolution::handler(op))
        .or_else(|| elementwise::handler(op))
        .or_else(|| index::handler(op))
        .or_else(|| layout::handler(op))
        .or_else(|| matrix::handler(op))
        .or_else(|| reduce::handler(op))
        .or_else(|| source::handler(op))
}

/// Whether these bytes may be a SavedModel or a frozen graph.
pub(super) fn is_saved_model(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("pb"))
}

pub(super) fn import(
    name: &str,
    bytes: &[u8],
    folder: Option<&Path>,
    options: &Options,
) -> Result<Graph, Failure> {
    let model = match SavedModel::decode(bytes) {
        Ok(model) => model,
        Err(e) => frozen(bytes).ok_or_else(|| {
            Failure::new(format!("'{name}' is neither a SavedModel nor a frozen graph of TensorFlow"))
                .cause(e)
                .help("make sure that the file was copied whole")
        })?,
    };
    let is_serving = |m: &&MetaGraphDef| m.meta_info.iter().any(|i| i.tags.iter().any(|t| t == "serve"));
    let meta = model.meta_graphs.iter().find(is_serving).or(model.meta_graphs.first());
    let meta = meta.ok_or_else(|| Failure::new(format!("'{name}' has no graph")))?;
    let graph = meta.graph.as_ref().ok_or_else(|| Failure::new(format!("'{name}' has no graph")))?;
    let (key, signature) = chosen(name, &meta.signatures, options)?;
    let library = graph.library.as_ref().map(|l| l.function.as_slice()).unwrap_or_default();
    let functions: HashMap<&str, &FunctionDef> =
        library.iter().filter_map(|f| Some((f.signature.as_ref()?.name.as_str(), f))).collect();
    tracing::debug!(functions = functions.len(), signature = key, "SavedModel");
    let known: Vec<&str> = signature.inputs.keys().map(String::as_str).collect();
    options.ensure_inputs(name, &known)?;
    let nodes = Nodes::new(&graph.node);
    ensure_known(name, &nodes, &functions, signature)?;
    let bundle = folder.map(bundle::Bundle::open).transpose()?.flatten();
    let variables = Variables::new(graph, &functions, bundle);
    let mut importer = Importer {
        builder: Builder::default(),
        functions,
        variables,
        read: HashMap::new(),
        names: HashMap::new(),
        problems: Vec::new(),
        nodes: 0,
        depth: 0,
        bytes: 0,
    };
    importer.builder.graph.name = key.to_owned();
    let mut frame = Frame::default();
    for (name, info) in &signature.inputs {
        let tensor = importer.input(name, info, options)?;
        importer.names.insert(name.clone(), 1);
        frame.set_argument(Place::of(&info.name).node, Value::Tensor(tensor));
    }
    let wanted: Vec<&str> = signature.outputs.values().map(|info| info.name.as_str()).collect();
    let values = importer.run(&nodes, frame, &wanted, &[])?;
    named_problems(format!("'{name}' cannot be converted whole"), std::mem::take(&mut importer.problems))?;
    for (output, value) in signature.outputs.keys().zip(values) {
        let Some(Value::Tensor(tensor)) = value else {
            return Err(Failure::new(format!("the output '{output}' is no tensor")));
        };
        importer.builder.give_out(output, tensor)?;
    }
    importer.builder.finish(name)
}

/// A frozen graph as a SavedModel: its placeholders come in, and what nobody reads goes out.
fn frozen(bytes: &[u8]) -> Option<SavedModel> {
    let graph = GraphDef::decode(bytes).ok().filter(|g| !g.node.is_empty())?;
    let read: HashSet<&str> =
        graph.node.iter().flat_map(|n| &n.input).map(|input| Place::of(input).node).collect();
    let info = |node: &NodeDef| TensorInfo {
        name: node.name.clone(),
        dtype: node.attr.get("dtype").and_then(|a| a.r#type).unwrap_or(1),
        shape: node.attr.get("shape").and_then(|a| a.shape.clone()),
    };
    let of = |wanted: &dyn Fn(&&NodeDef) -> bool| -> BTreeMap<String, TensorInfo> {
        graph.node.iter().filter(wanted).map(|n| (n.name.clone(), info(n))).collect()
    };
    let inputs = of(&|n| n.op == "Placeholder");
    let outputs = of(&|n| {
        !read.contains(n.name.as_str()) && !matches!(n.op.as_str(), "NoOp" | "Const" | "Placeholder")
    });
    let signatures = [(DEFAULT.to_owned(), SignatureDef { inputs, outputs })].into();
    let meta = MetaGraphDef { meta_info: None, graph: Some(graph), signatures };
    Some(SavedModel { schema_version: 1, meta_graphs: vec![meta] })
}

/// The signature that is asked for, or the one that models are served by.
fn chosen<'m>(
    name: &str,
    signatures: &'m BTreeMap<String, SignatureDef>,
    options: &Options,
) -> Result<(&'m str, &'m SignatureDef), Failure> {
    // Those that begin so set the model up.
    let open = || signatures.iter().filter(|(key, s)| !key.starts_with("__") && !s.outputs.is_empty());
    let found = match &options.signature {
        Some(key) => open().find(|(k, _)| *k == key),
        None => open().find(|(k, _)| *k == DEFAULT).or_else(|| open().next().filter(|_| open().count() == 1)),
    };
    found.map(|(key, signature)| (key.as_str(), signature)).ok_or_else(|| {
        let keys: Vec<&str> = open().map(|(key, _)| key.as_str()).collect();
        let failure = match &options.signature {
            Some(key) => Failure::usage(format!("'{name}' has no signature '{key}'")),
            None => Failure::new(format!("'{name}' has no signature '{DEFAULT}'")),
        };
        match keys.as_slice() {
            [] => failure.help("save the model with tf.saved_model.save(model, folder, signatures=...), or model.export(folder)"),
            _ => failure.help(format!("choose one with --signature: {}", keys.join(", "))),
        }
    })
}

/// Makes sure that there is a handler for every node that the signature needs.
///
/// # Errors
/// Which operators there are none for, with the nodes that use them.
fn ensure_known(
    name: &str,
    nodes: &Nodes<'_>,
    functions: &HashMap<&str, &FunctionDef>,
    signature: &SignatureDef,
) -> Result<(), Failure> {
    let inputs: HashSet<&str> = signature.inputs.values().map(|i| Place::of(&i.name).node).collect();
    let wanted = signature.outputs.values().map(|info| info.name.as_str());
    let mut reached = nodes.order(wanted, |n| inputs.contains(n))?;
    let mut seen: HashSet<&str> = HashSet::new();
    let mut problems = Vec::new();
    let mut next = 0;
    while let Some(&node) = reached.get(next) {
        next += 1;
        if handler(&node.op).is_none() {
            problems.push(format!("{} '{}'", node.op, node.name));
        }
        for callee in frame::callees(node) {
            if !seen.insert(callee) {
                continue;
            }
            let function = functions.get(callee);
            let function =
                function.ok_or_else(|| Failure::new(format!("there is no function '{callee}'")))?;
            let (outputs, effects) = frame::results(function)?;
            let arguments = frame::arguments(function);
            let inside = Nodes::new(&function.node);
            reached.extend(inside.order(outputs.into_iter().chain(effects), |n| arguments.contains(&n))?);
        }
    }
    problems.sort();
    problems.dedup();
    named_problems(format!("'{name}' has operators that Sedge cannot convert"), problems)
}

/// A model that is being read.
struct Importer<'m> {
    builder: Builder,
    functions: HashMap<&'m str, &'m FunctionDef>,
    variables: Variables,
    /// Variables that were read, by the nodes that make them.
    read: HashMap<String, TensorId>,
    /// How many nodes have a name so far.
    names: HashMap<String, usize>,
    problems: Vec<String>,
    nodes: usize,
    depth: usize,
    /// Of all constants.
    bytes: usize,
}

impl<'m> Importer<'m> {
    fn input(&mut self, name: &str, info: &TensorInfo, options: &Options) -> Result<TensorId, Failure> {
        let kind = tensor::element_type(info.dtype).ok_or_else(|| {
            Failure::new(format!("the input '{name}' holds TensorFlow's type {}", info.dtype))
        })?;
        let dims = match options.shape_of(name) {
            Some(given) => given.iter().map(|&d| d as usize).collect(),
            None => declared(name, info)?,
        };
        let mut tensor = Tensor::computed(name, kind, shape_of(name, &dims)?);
        tensor.has_rank = dims.is_empty();
        let tensor = self.builder.graph.add_tensor(tensor);
        self.builder.graph.inputs.push(tensor);
        Ok(tensor)
    }

    /// Reads what these places of a graph or a function need; gives their values, none for those that could not be
    /// read, which is then among the problems.
    fn run(
        &mut self,
        nodes: &Nodes<'m>,
        mut frame: Frame<'m>,
        wanted: &[&str],
        effects: &[&str],
    ) -> Result<Vec<Option<Value>>, Failure> {
        let all = wanted.iter().chain(effects).copied();
        for node in nodes.order(all, |name| frame.has(name))? {
            self.nodes += 1;
            if self.nodes > MAX_NODES {
                return Err(Failure::new(format!("the model has more than {MAX_NODES} nodes")));
            }
            let read = node.input.iter().filter(|input| !Place::of(input).is_control);
            let Some(inputs) = read.map(|input| frame.get(input)).collect::<Option<Vec<Value>>>() else {
                // It waits for what could not be read, or for an output that its node does not have.
                if self.problems.is_empty() {
                    self.problems.push(format!("{} '{}': it reads what nothing writes", node.op, node.name));
                }
                continue;
            };
            let call = Call { node, name: self.unique(&node.name) };
            match self.read(&call, &inputs) {
                Ok(values) => frame.set(node, values),
                Err(failure) => self.problems.push(format!("{call}: {}", failure.line())),
            }
        }
        Ok(wanted.iter().map(|input| frame.get(input)).collect())
    }

    fn read(&mut self, call: &Call<'m>, inputs: &[Value]) -> Result<Vec<Value>, Failure> {
        match handler(call.op()) {
            Some(Handler::Values(read)) => read(self, call, inputs),
            Some(Handler::Tensors(read)) => {
                read(self, call, &tensors(inputs)?).map(|tensor| vec![Value::Tensor(tensor)])
            }
            None => Err(Failure::new("it is not known")),
        }
    }

    /// A name that no other node has: functions may be called more than once.
    fn unique(&mut self, name: &str) -> String {
        let count = self.names.entry(name.to_owned()).or_default();
        *count += 1;
        if *count == 1 { name.to_owned() } else { format!("{name}_{}", *count - 1) }
    }

    /// Runs a function.
    fn call(&mut self, name: &str, inputs: &[Value]) -> Result<Vec<Value>, Failure> {
        let function = self.functions.get(name).copied();
        let function = function.ok_or_else(|| Failure::new(format!("there is no function '{name}'")))?;
        if self.depth >= MAX_DEPTH {
            return Err(Failure::new(format!("functions call each other more than {MAX_DEPTH} deep")));
        }
        let mut frame = Frame::default();
        for (argument, value) in frame::arguments(function).into_iter().zip(inputs) {
            frame.set_argument(argument, value.clone());
        }
        let (outputs, effects) = frame::results(function)?;
        let before = self.problems.len();
        self.depth += 1;
        let values = self.run(&Nodes::new(&function.node), frame, &outputs, &effects);
        self.depth -= 1;
        let values = values?.into_iter().collect::<Option<Vec<Value>>>();
        match values.filter(|_| self.problems.len() == before) {
            Some(values) => Ok(values),
            // The reason is among the problems.
            None => Err(Failure::new(format!("its function '{name}' could not be read"))),
        }
    }

    /// An operator of tensors whose result has the type of the first.
    fn emit(&mut self, name: &str, op: impl Into<Operation>, x: &[TensorId]) -> Result<TensorId, Failure> {
        let kind = x.first().map_or(TensorType::Float32, |&t| self.builder.kind(t));
        self.builder.emit(name, op, x, kind)
    }

    fn dims(&self, tensor: TensorId) -> Vec<usize> {
        self.builder.dims(tensor)
    }

    /// The integers of a constant, such as axes.
    fn ints(&self, tensor: TensorId) -> Result<Vec<i32>, Failure> {
        let tensor = self.builder.graph.tensor(tensor);
        // What is larger means "as far as there is".
        let narrow = |n: i64| n.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        let numbers = tensor.ints().map(|numbers| numbers.into_iter().map(narrow).collect());
        let name = &tensor.name;
        numbers.ok_or_else(|| {
            Failure::new(format!("'{name}' must be integers that are known before the model runs"))
        })
    }

    /// The only integer of a constant.
    fn int(&self, tensor: TensorId) -> Result<i32, Failure> {
        match *self.ints(tensor)?.as_slice() {
            [number] => Ok(number),
            ref other => Err(Failure::new(format!("{} numbers stand where there must be one", other.len()))),
        }
    }

    /// Integers of 64 bits as such of 32 bits, where they are known: the format's operators want those.
    fn narrow(&mut self, name: &str, tensor: TensorId) -> Result<TensorId, Failure> {
        if self.builder.kind(tensor) != TensorType::Int64 {
            return Ok(tensor);
        }
        let numbers = self.ints(tensor)?;
        if self.dims(tensor).is_empty() {
            return self.builder.int(name, numbers.first().copied().unwrap_or(0));
        }
        self.builder.ints(name, &numbers)
    }
}

/// An input's dimensions; a batch that is open is 1.
fn declared(name: &str, info: &TensorInfo) -> Result<Vec<usize>, Failure> {
    let ask = |what: String| {
        Failure::new(format!("the input '{name}' {what}"))
            .help(format!("fix its shape with --input-shape, such as {name}=1,224,224,3"))
    };
    let shape = info.shape.as_ref().filter(|s| !s.unknown_rank);
    let shape = shape.ok_or_else(|| ask("has no shape".to_owned()))?;
    let mut dims = Vec::new();
    for (i, dim) in shape.dim.iter().enumerate() {
        match usize::try_from(dim.size) {
            Ok(size) => dims.push(size),
            Err(_) if i == 0 => dims.push(1),
            Err(_) => return Err(ask(format!("has dimension {i} open"))),
        }
    }
    Ok(dims)
}
