//! The graph into TFLite's format.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sedge_schema::generated::{
    BufferT, BuiltinOperator as Code, MetadataT, ModelT, OperatorCodeT, OperatorT, QuantizationParametersT,
    SignatureDefT, SubGraphT, TensorMapT, TensorT, TensorType,
};
use sedge_schema::write::{options, to_bytes};

use super::versions::{Release, first_release, op_version};
use crate::Failure;
use crate::graph::{Graph, Node, Operation, Quantization, Tensor, TensorId};

/// A table of the generated code, whose types can only be made by their defaults, with these fields.
macro_rules! table {
    ($kind:ident { $($field:ident: $value:expr),* $(,)? }) => {{
        let mut table = $kind::default();
        $(table.$field = $value;)*
        table
    }};
}

/// The piece of metadata that names the oldest TFLite that runs the file, in 16 bytes.
const MIN_RUNTIME: &str = "min_runtime_version";

/// The largest file that the format can hold, with room for the tables.
const MAX_BYTES: usize = (2 << 30) - (64 << 20);

/// The bytes of a `.tflite` file. Tensors have the indices of their ids.
///
/// # Errors
/// Where the file would be larger than the format allows.
pub fn to_tflite(graph: &Graph) -> Result<Vec<u8>, Failure> {
    let mut buffers = Buffers::default();
    let mut codes = Codes::default();
    let names = unique_names(graph);
    let tensors = graph.tensors().zip(names).map(|((_, t), name)| tensor(t, name, &mut buffers)).collect();
    let operators = graph.nodes().map(|(_, node)| operator(graph, node, &mut codes)).collect();
    let subgraph = table!(SubGraphT {
        tensors: Some(tensors),
        inputs: Some(indices(&graph.inputs)),
        outputs: Some(indices(&graph.outputs)),
        operators: Some(operators),
        name: Some(graph.name.clone()),
    });
    let metadata = metadata(graph, codes.release, &mut buffers);
    if buffers.bytes > MAX_BYTES {
        return Err(Failure::new("the model would be larger than 2 GB, which its format does not allow"));
    }
    let signatures: Vec<_> = graph
        .signatures
        .iter()
        .map(|s| {
            table!(SignatureDefT {
                inputs: Some(tensor_map(&s.inputs)),
                outputs: Some(tensor_map(&s.outputs)),
                signature_key: Some(s.key.clone()),
            })
        })
        .collect();
    Ok(to_bytes(&table!(ModelT {
        version: 3,
        operator_codes: Some(codes.list),
        subgraphs: Some(vec![subgraph]),
        description: Some(graph.description.clone()),
        buffers: Some(buffers.list),
        metadata: Some(metadata),
        signature_defs: (!signatures.is_empty()).then_some(signatures),
    })))
}

/// The buffers written so far; equal contents share one.
struct Buffers {
    list: Vec<BufferT>,
    by_content: HashMap<Arc<[u8]>, u32>,
    bytes: usize,
}

impl Default for Buffers {
    fn default() -> Self {
        // Buffer 0 is empty, and stands for no data.
        Self { list: vec![BufferT::default()], by_content: HashMap::new(), bytes: 0 }
    }
}

impl Buffers {
    fn add(&mut self, data: &Arc<[u8]>) -> u32 {
        if let Some(&index) = self.by_content.get(data) {
            return index;
        }
        let index = self.list.len() as u32;
        self.bytes = self.bytes.saturating_add(data.len());
        // More than the format can hold is an error soon; it need not be copied.
        let copy = if self.bytes > MAX_BYTES { Vec::new() } else { data.to_vec() };
        self.list.push(table!(BufferT { data: Some(copy) }));
        self.by_content.insert(data.clone(), index);
        index
    }
}

/// The operator codes written so far.
#[derive(Default)]
struct Codes {
    list: Vec<OperatorCodeT>,
    release: Release,
}

impl Codes {
    fn add(&mut self, code: OperatorCodeT) -> u32 {
        self.release = self.release.max(first_release(code.builtin_code.0, code.version));
        let index = self.list.iter().position(|c| *c == code).unwrap_or_else(|| {
            self.list.push(code);
            self.list.len() - 1
        });
        index as u32
    }
}

fn operator(graph: &Graph, node: &Node, codes: &mut Codes) -> OperatorT {
    let number = node.op.code() as i32;
    let mut code = table!(OperatorCodeT {
        deprecated_builtin_code: number.min(127) as i8,
        version: op_version(graph, node),
        builtin_code: Code(number),
    });
    let mut out = table!(OperatorT {
        inputs: Some(node.inputs.iter().copied().map(optional).collect()),
        outputs: Some(indices(&node.outputs)),
    });
    match &node.op {
        Operation::Known(op) => (out.builtin_options, out.builtin_options_2) = options(op),
        Operation::Raw(raw) => {
            code.custom_code = (!raw.custom_code.is_empty()).then(|| raw.custom_code.clone());
            out.builtin_options = raw.options.clone();
            out.builtin_options_2 = raw.options_2.clone();
            out.custom_options = (!raw.custom_options.is_empty()).then(|| raw.custom_options.clone());
            let mutating = &raw.mutating_variable_inputs;
            out.mutating_variable_inputs = (!mutating.is_empty()).then(|| mutating.clone());
            let intermediates: Vec<i32> = raw.intermediates.iter().copied().map(optional).collect();
            out.intermediates = (!intermediates.is_empty()).then_some(intermediates);
        }
    }
    out.opcode_index = codes.add(code);
    out
}

/// The tensors' names, made different: viewers, and what compares models layer by layer, find tensors by them.
/// The graph's inputs and outputs keep theirs where they can.
fn unique_names(graph: &Graph) -> Vec<String> {
    let mut names: Vec<String> = graph.tensors().map(|(_, t)| t.name.clone()).collect();
    let borders = graph.inputs.iter().chain(&graph.outputs).map(|id| id.index());
    let mut order: Vec<usize> = borders.chain(0..names.len()).collect();
    let mut seen = HashSet::new();
    order.retain(|&i| seen.insert(i));

    let mut taken: HashSet<String> = names.iter().cloned().collect();
    let mut used: HashMap<String, usize> = HashMap::new();
    for i in order {
        let times = used.entry(names[i].clone()).or_default();
        *times += 1;
        while *times > 1 || names[i].is_empty() {
            let stem = if names[i].is_empty() { "tensor" } else { names[i].as_str() };
            let name = format!("{stem}_{}", *times - 1);
            if taken.insert(name.clone()) {
                names[i] = name;
                break;
            }
            *times += 1;
        }
    }
    names
}

fn tensor(tensor: &Tensor, name: String, buffers: &mut Buffers) -> TensorT {
    let signature = &tensor.shape_signature;
    table!(TensorT {
        shape: Some(tensor.shape.dims().iter().map(|&d| d as i32).collect()),
        type_: TensorType(tensor.tensor_type as i8),
        buffer: tensor.data.as_ref().map_or(0, |data| buffers.add(data)),
        name: Some(name),
        quantization: tensor.quantization.as_ref().map(|q| Box::new(quantization(q))),
        is_variable: tensor.is_variable,
        shape_signature: (!signature.is_empty()).then(|| signature.clone()),
        has_rank: tensor.has_rank,
    })
}

fn quantization(q: &Quantization) -> QuantizationParametersT {
    table!(QuantizationParametersT {
        scale: Some(q.scales.clone()),
        zero_point: Some(q.zero_points.clone()),
        quantized_dimension: q.axis as i32,
    })
}

fn metadata(graph: &Graph, release: Release, buffers: &mut Buffers) -> Vec<MetadataT> {
    let mut version = [0u8; 16];
    let text = release.to_string();
    version.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
    let own = (MIN_RUNTIME.to_owned(), Arc::from(version.as_slice()));
    let kept = graph.metadata.iter().filter(|(name, _)| name != MIN_RUNTIME);
    kept.chain([&own])
        .map(|(name, data)| table!(MetadataT { name: Some(name.clone()), buffer: buffers.add(data) }))
        .collect()
}

fn tensor_map(names: &[(String, TensorId)]) -> Vec<TensorMapT> {
    names
        .iter()
        .map(|(name, id)| table!(TensorMapT { name: Some(name.clone()), tensor_index: id.index() as u32 }))
        .collect()
}

fn indices(ids: &[TensorId]) -> Vec<i32> {
    ids.iter().map(|id| id.index() as i32).collect()
}

fn optional(id: Option<TensorId>) -> i32 {
    id.map_or(-1, |id| id.index() as i32)
}
