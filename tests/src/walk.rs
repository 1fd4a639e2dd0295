//! Reads everything that a checked model offers.

use std::hint::black_box;

use sedge_schema::op::{Node, Op, padding_of, permutation, reduced_axes};
use sedge_schema::{
    Buffer, DimensionMetadata, Model, Operator, OperatorCode, Quantization, QuantizationDetails, Refusal,
    Scalar, Shape, SignatureDef, Slot, SparseIndices, Sparsity, Subgraph, Tensor, TensorMap, TensorType,
    Vector,
};

/// Calls every accessor of `model` and of all that it holds, and asks the operators' rules for the
/// outputs' shapes. Whatever passed the check, nothing here may panic.
pub fn walk(model: &Model<'_>) {
    black_box((model.file(), model.version(), model.description()));
    text(&format!("{model:?}"));
    vector(model.metadata_buffers());
    model.operator_codes().iter().for_each(|code| operator_code(&code));
    for (i, b) in (0..).zip(model.buffers().iter()) {
        buffer(&b);
        bytes(model.buffer(i));
    }
    for metadata in model.metadata().iter() {
        text(metadata.name().as_str());
        bytes(model.buffer(metadata.buffer()));
        black_box(model.metadata_named(metadata.name().as_str()));
    }
    model.signatures().iter().for_each(|s| signature(&s));
    model.subgraphs().iter().for_each(|graph| subgraph(model, &graph));
    subgraph(model, &model.main());
    // Indices beyond the ends.
    black_box((model.buffer(u32::MAX), model.subgraphs().get(usize::MAX).is_none()));
}

fn bytes(b: &[u8]) {
    black_box(b.iter().fold(0u8, |sum, &b| sum.wrapping_add(b)));
}

fn text(s: &str) {
    black_box(s.chars().count());
}

fn vector<T: Scalar>(v: Vector<'_, T>) {
    assert_eq!(v.iter().count(), v.len());
    assert_eq!(v.is_empty(), v.iter().next().is_none());
    bytes(v.bytes());
    for element in v.iter() {
        black_box(element);
    }
    assert!(v.get(v.len()).is_none() && v.get(usize::MAX).is_none());
}

fn operator_code(code: &OperatorCode<'_>) {
    black_box((code.number(), code.builtin(), code.version()));
    text(code.name());
    bytes(code.custom_code().as_bytes());
}

fn buffer(buffer: &Buffer<'_>) {
    text(&format!("{buffer:?}"));
}

fn signature(signature: &SignatureDef<'_>) {
    text(signature.signature_key().as_str());
    black_box(signature.subgraph_index());
    let entry = |map: TensorMap<'_>| {
        text(map.name().as_str());
        black_box(map.tensor_index());
    };
    signature.inputs().iter().for_each(entry);
    signature.outputs().iter().for_each(entry);
}

fn subgraph(model: &Model<'_>, graph: &Subgraph<'_>) {
    text(graph.name().as_str());
    vector(graph.inputs());
    vector(graph.outputs());
    graph.tensors().iter().for_each(|t| tensor(model, &t));
    graph.operators().iter().for_each(|o| operator(model, graph, &o));
}

fn tensor(model: &Model<'_>, tensor: &Tensor<'_>) {
    black_box((tensor.tensor_type(), tensor.bytes(), tensor.buffer(), tensor.external_buffer()));
    black_box((tensor.is_variable(), tensor.has_rank()));
    shape(&tensor.shape());
    text(tensor.name().as_str());
    bytes(model.constant(tensor));
    vector(tensor.shape_signature());
    tensor.quantization().iter().for_each(quantization);
    tensor.sparsity().iter().for_each(sparsity);
    for variant in tensor.variant_tensors().iter() {
        vector(variant.dims());
        black_box((variant.type_code(), variant.has_rank()));
    }
}

fn shape(shape: &Shape) {
    black_box((shape.elements(), shape.last(), shape.expand_to(8), shape.elements_in(0..shape.rank())));
    text(&shape.to_string());
}

fn quantization(q: &Quantization<'_>) {
    vector(q.min());
    vector(q.max());
    vector(q.scale());
    vector(q.zero_point());
    black_box((q.quantized_dimension(), q.is_per_channel()));
    for channel in (0..q.scale().len()).chain([usize::MAX]) {
        black_box((q.scale_at(channel), q.zero_point_at(channel)));
    }
    match q.details() {
        Some(QuantizationDetails::Custom(custom)) => vector(custom.custom()),
        Some(QuantizationDetails::Blockwise(blocks)) => {
            black_box((blocks.scales(), blocks.zero_points(), blocks.block_size()));
            vector(blocks.block_shape());
        }
        Some(QuantizationDetails::MultiAxis(_)) | None => (),
    }
}

fn sparsity(sparsity: &Sparsity<'_>) {
    vector(sparsity.traversal_order());
    vector(sparsity.block_map());
    for dim in sparsity.dim_metadata().iter() {
        dimension(&dim);
    }
}

fn dimension(dim: &DimensionMetadata<'_>) {
    black_box((dim.format(), dim.dense_size()));
    for indices in [dim.array_segments(), dim.array_indices()] {
        match indices {
            Some(SparseIndices::Int32(v)) => vector(v),
            Some(SparseIndices::UInt16(v)) => vector(v),
            Some(SparseIndices::UInt8(v)) => vector(v),
            None => (),
        }
    }
}

fn operator(model: &Model<'_>, graph: &Subgraph<'_>, operator: &Operator<'_>) {
    operator_code(&model.code(operator));
    vector(operator.inputs());
    vector(operator.outputs());
    vector(operator.intermediates());
    vector(operator.mutating_variable_inputs());
    black_box((operator.options_type(), operator.options2_type(), operator.custom_options_format()));
    bytes(operator.custom_options(model));
    if let Some(table) = operator.options() {
        // Whatever a custom kernel may look for.
        for slot in (0..32).chain([usize::MAX / 4]) {
            black_box((table.has(slot), table.get::<u64>(slot), table.get_or(slot, 1u8)));
            table.get::<Vector<'_, i64>>(slot).into_iter().for_each(vector);
        }
    }
    if let Some(op) = Op::read(model.code(operator).builtin(), operator.options()) {
        black_box((op.code(), op.options(), op.quantization()));
        infer(&op, &FileNode { model, graph, operator });
    }
}

/// The rules work on whatever a file declares, so they may not panic either.
fn infer(op: &Op, node: &FileNode<'_>) {
    for output in 0..node.outputs().min(3) {
        if let Ok(s) = op.infer(node, output) {
            shape(&s);
        }
    }
    let axes = 0..sedge_schema::MAX_RANK + 1;
    match op {
        Op::Pad(_) => axes.for_each(|axis| _ = black_box(padding_of(node, axis))),
        Op::Mean(_) | Op::Sum(_) | Op::ReduceMax(_) | Op::ReduceMin(_) => _ = black_box(reduced_axes(node)),
        Op::PadV2(_) => axes.for_each(|axis| _ = black_box(padding_of(node, axis))),
        Op::Slice(op) => _ = black_box(op.cuts(node)),
        Op::StridedSlice(op) => _ = black_box(op.cuts(node)),
        Op::Split(op) => _ = black_box(op.axis(node)),
        Op::SplitV(op) => _ = black_box(op.axis(node)),
        Op::Transpose(_) => _ = black_box(permutation(node)),
        _ => (),
    }
}

/// The surroundings of an operator as the file declares them.
pub struct FileNode<'a> {
    /// The model.
    pub model: &'a Model<'a>,
    /// The subgraph that holds the operator.
    pub graph: &'a Subgraph<'a>,
    /// The operator.
    pub operator: &'a Operator<'a>,
}

impl<'a> FileNode<'a> {
    fn tensor(&self, slot: Slot) -> Result<Tensor<'a>, Refusal> {
        let index = match slot {
            Slot::Input(i) => self.operator.inputs().get(i.into()),
            Slot::Output(i) => self.operator.outputs().get(i.into()),
        };
        let tensor = index.and_then(|i| self.graph.tensors().get(usize::try_from(i).ok()?));
        tensor.ok_or(Refusal::Absent(slot))
    }
}

impl Node for FileNode<'_> {
    fn inputs(&self) -> usize {
        let inputs = self.operator.inputs();
        (0..inputs.len()).rev().find(|&i| inputs.get(i) != Some(-1)).map_or(0, |last| last + 1)
    }

    fn outputs(&self) -> usize {
        self.operator.outputs().len()
    }

    fn has(&self, slot: Slot) -> bool {
        self.tensor(slot).is_ok()
    }

    fn shape(&self, slot: Slot) -> Result<Shape, Refusal> {
        Ok(self.tensor(slot)?.shape())
    }

    fn tensor_type(&self, slot: Slot) -> Result<TensorType, Refusal> {
        Ok(self.tensor(slot)?.tensor_type())
    }

    fn values(&self, input: usize) -> Result<&[u8], Refusal> {
        let slot = Slot::Input(input as u8);
        let data = self.model.constant(&self.tensor(slot)?);
        if data.is_empty() { Err(Refusal::Pending(slot)) } else { Ok(data) }
    }
}
