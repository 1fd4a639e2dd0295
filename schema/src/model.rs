//! Typed views of a checked model.

use crate::error::Error;
use crate::wire::{Table, Tables, Text, Vector, views};
use crate::{BuiltinOperator, Shape, TensorType};

/// A model file that was checked whole; reading it cannot fail any more.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    pub(crate) file: &'a [u8],
    pub(crate) root: Root<'a>,
    pub(crate) buffers: Tables<'a, Buffer<'a>>,
    pub(crate) codes: Tables<'a, OperatorCode<'a>>,
    pub(crate) entry: u32,
}

impl<'a> Model<'a> {
    /// Checks every offset, length, index, enumeration and shape product of `file`.
    ///
    /// The time is linear in the file's length, and nothing recurses. The bytes may stand at any
    /// address; constants that kernels read in place want the file at a multiple of 16.
    ///
    /// # Errors
    /// What is wrong first, and where.
    pub fn check(file: &'a [u8]) -> Result<Self, Error> {
        crate::check::model(file)
    }

    /// The whole file.
    pub fn file(&self) -> &'a [u8] {
        self.file
    }

    /// The schema's version, 3.
    pub fn version(&self) -> u32 {
        self.root.version()
    }

    /// What the author says of the model.
    pub fn description(&self) -> &'a str {
        self.root.description().as_str()
    }

    /// The operators that the model uses, which [`Operator::opcode_index`] counts.
    pub fn operator_codes(&self) -> Tables<'a, OperatorCode<'a>> {
        self.codes
    }

    /// The subgraphs; the first is the main one, unless [`Model::entering`] chose another.
    pub fn subgraphs(&self) -> Tables<'a, Subgraph<'a>> {
        self.root.subgraphs()
    }

    /// The main subgraph: the one that runs.
    pub fn main(&self) -> Subgraph<'a> {
        // The check makes sure that there is one.
        self.subgraphs().get(self.entry as usize).unwrap_or(Subgraph(self.root.0))
    }

    /// The number of the main subgraph.
    pub fn entry(&self) -> u32 {
        self.entry
    }

    /// The same model with subgraph `number` as its main one; `None` where there is no such subgraph.
    pub fn entering(&self, number: u32) -> Option<Self> {
        ((number as usize) < self.subgraphs().len()).then_some(Self { entry: number, ..*self })
    }

    /// The same model with the subgraph of the signature `name` as its main one.
    pub fn for_signature(&self, name: &str) -> Option<Self> {
        self.entering(self.signature(name)?.subgraph_index())
    }

    /// The buffers with constants and metadata.
    pub fn buffers(&self) -> Tables<'a, Buffer<'a>> {
        self.buffers
    }

    /// The bytes of buffer `index`, wherever they lie in the file; empty for a tensor without
    /// constant data.
    pub fn buffer(&self, index: u32) -> &'a [u8] {
        self.buffers.get(index as usize).and_then(|b| b.bytes(self.file)).unwrap_or_default()
    }

    /// Buffers with metadata that has no name.
    pub fn metadata_buffers(&self) -> Vector<'a, i32> {
        self.root.metadata_buffer()
    }

    /// Named pieces of metadata.
    pub fn metadata(&self) -> Tables<'a, Metadata<'a>> {
        self.root.metadata()
    }

    /// The bytes of the metadata with this name.
    pub fn metadata_named(&self, name: &str) -> Option<&'a [u8]> {
        self.metadata().iter().find(|m| m.name().as_str() == name).map(|m| self.buffer(m.buffer()))
    }

    /// The signatures: named entry points with named inputs and outputs.
    pub fn signatures(&self) -> Tables<'a, SignatureDef<'a>> {
        self.root.signature_defs()
    }

    /// The signature with this name, such as `serving_default`.
    pub fn signature(&self, name: &str) -> Option<SignatureDef<'a>> {
        self.signatures().iter().find(|s| s.signature_key().as_str() == name)
    }

    /// The operator code of `operator`.
    pub fn code(&self, operator: &Operator<'a>) -> OperatorCode<'a> {
        // The check makes sure that there is one.
        self.codes.get(operator.opcode_index() as usize).unwrap_or(OperatorCode(self.root.0))
    }

    /// The constant data of `tensor`; empty where it has none.
    pub fn constant(&self, tensor: &Tensor<'a>) -> &'a [u8] {
        self.buffer(tensor.buffer())
    }
}

views! {
    /// The root table.
    Root {
        0 pub(crate) version: u32 = 0;
        1 pub(crate) operator_codes: Tables<'a, OperatorCode<'a>>;
        2 pub(crate) subgraphs: Tables<'a, Subgraph<'a>>;
        3 pub(crate) description: Text<'a>;
        4 pub(crate) buffers: Tables<'a, Buffer<'a>>;
        5 pub(crate) metadata_buffer: Vector<'a, i32>;
        6 pub(crate) metadata: Tables<'a, Metadata<'a>>;
        7 pub(crate) signature_defs: Tables<'a, SignatureDef<'a>>;
    }

    /// An operator that the model uses, with its version.
    OperatorCode {
        0 pub(crate) deprecated_builtin_code: i8 = 0;
        /// The name of a custom operator.
        1 pub custom_code: Text<'a>;
        /// The version of the operator's definition.
        2 pub version: i32 = 1;
        3 pub(crate) builtin_code: i32 = 0;
    }

    /// One graph: tensors and the operators between them, in execution order.
    Subgraph {
        /// The tensors, which all indices below count.
        0 pub tensors: Tables<'a, Tensor<'a>>;
        /// The tensors that the caller fills.
        1 pub inputs: Vector<'a, i32>;
        /// The tensors that the caller reads.
        2 pub outputs: Vector<'a, i32>;
        /// The operators in execution order.
        3 pub operators: Tables<'a, Operator<'a>>;
        /// The name, for people.
        4 pub name: Text<'a>;
    }

    /// A tensor: element type, shape, quantization and, for a constant, the buffer that holds it.
    Tensor {
        0 pub(crate) dims: Vector<'a, i32>;
        1 pub(crate) type_code: i8 = 0;
        /// The index of the buffer with the constant data. Buffer 0 is always empty.
        2 pub buffer: u32 = 0;
        /// The name, for people.
        3 pub name: Text<'a>;
        4 pub(crate) quantization_parameters: Option<Quantization<'a>>;
        /// Whether the tensor keeps its value from one invocation to the next.
        5 pub is_variable: bool = false;
        /// How a sparse constant is stored; `None` for a dense one.
        6 pub sparsity: Option<Sparsity<'a>>;
        /// The shape with -1 for each dimension that may change at run time; empty where none may.
        7 pub shape_signature: Vector<'a, i32>;
        /// Whether an empty shape means a scalar and not an unknown rank.
        8 pub has_rank: bool = false;
        /// What a tensor of type variant holds.
        9 pub variant_tensors: Tables<'a, VariantSubType<'a>>;
        /// One more than the index of an external buffer; 0 where there is none.
        10 pub external_buffer: u32 = 0;
    }

    /// Affine quantization, `real = scale * (quantized - zero_point)`: one scale for the tensor,
    /// or one for each index of `quantized_dimension`.
    Quantization {
        /// The smallest real values seen in training or calibration.
        0 pub min: Vector<'a, f32>;
        /// The largest real values seen in training or calibration.
        1 pub max: Vector<'a, f32>;
        /// The scales: none (not quantized), one, or one per channel.
        2 pub scale: Vector<'a, f32>;
        /// The zero points: none (all 0), one, or one per channel.
        3 pub zero_point: Vector<'a, i64>;
        4 pub(crate) details_type: u8 = 0;
        5 pub(crate) details_table: Option<AnyTable<'a>>;
        /// The dimension that per-channel scales count.
        6 pub quantized_dimension: i32 = 0;
    }

    /// A table whose type another field tells.
    AnyTable {}

    /// Quantization of a kind that the format does not define.
    CustomQuantization {
        /// The bytes, as their maker understands them.
        0 pub custom: Vector<'a, u8>;
    }

    /// Scales for several dimensions of a tensor at once.
    MultiAxisQuantization {}

    /// Scales for blocks of a tensor, held by other tensors of the subgraph.
    BlockwiseQuantization {
        /// The tensor with the scales.
        0 pub scales: i32 = 0;
        /// The tensor with the zero points.
        1 pub zero_points: i32 = 0;
        /// Elements in a block.
        2 pub block_size: i32 = 0;
        /// The shape of a block.
        3 pub block_shape: Vector<'a, i32>;
    }

    /// How a sparse tensor is stored (the format of the TACO compiler).
    Sparsity {
        /// The order in which dimensions and block dimensions are stored.
        0 pub traversal_order: Vector<'a, i32>;
        /// For each block dimension the dimension that it divides.
        1 pub block_map: Vector<'a, i32>;
        /// For each stored dimension how it is stored.
        2 pub dim_metadata: Tables<'a, DimensionMetadata<'a>>;
    }

    /// How one dimension of a sparse tensor is stored.
    DimensionMetadata {
        /// 0 dense, 1 compressed sparse rows.
        0 pub format: i8 = 0;
        /// The size of a dense dimension.
        1 pub dense_size: i32 = 0;
        2 pub(crate) segments_type: u8 = 0;
        3 pub(crate) segments_table: Option<AnyTable<'a>>;
        4 pub(crate) indices_type: u8 = 0;
        5 pub(crate) indices_table: Option<AnyTable<'a>>;
    }

    /// The type and shape of what a variant tensor holds.
    VariantSubType {
        /// The dimensions.
        0 pub dims: Vector<'a, i32>;
        /// The element type's code.
        1 pub type_code: i8 = 0;
        /// Whether an empty shape means a scalar.
        2 pub has_rank: bool = false;
    }

    /// Bytes of constants or metadata, inside the tables or elsewhere in the file.
    Buffer {
        0 pub(crate) data: Vector<'a, u8>;
        1 pub(crate) offset: u64 = 0;
        2 pub(crate) size: u64 = 0;
    }

    /// An operator of a subgraph.
    Operator {
        /// The index into [`Model::operator_codes`].
        0 pub opcode_index: u32 = 0;
        /// The tensors that it reads; -1 for an optional one that is left out.
        1 pub inputs: Vector<'a, i32>;
        /// The tensors that it writes.
        2 pub outputs: Vector<'a, i32>;
        /// Which of the tables of the first options union the options are; 0 for none.
        3 pub options_type: u8 = 0;
        4 pub(crate) options_table: Option<AnyTable<'a>>;
        5 pub(crate) custom_options_vector: Vector<'a, u8>;
        /// How custom options are written; 0 (FlexBuffers) is the only value the schema has.
        6 pub custom_options_format: i8 = 0;
        /// For each input whether the operator changes it.
        7 pub mutating_variable_inputs: Vector<'a, bool>;
        /// The tensors that hold quantization of values inside the operator.
        8 pub intermediates: Vector<'a, i32>;
        9 pub(crate) large_custom_options_offset: u64 = 0;
        10 pub(crate) large_custom_options_size: u64 = 0;
        /// Which of the tables of the second options union the options are; 0 for none.
        11 pub options2_type: u8 = 0;
        12 pub(crate) options2_table: Option<AnyTable<'a>>;
    }

    /// A named piece of metadata.
    Metadata {
        /// The name.
        0 pub name: Text<'a>;
        /// The buffer that holds it.
        1 pub buffer: u32 = 0;
    }

    /// The name of an input or output in a signature.
    TensorMap {
        /// The name.
        0 pub name: Text<'a>;
        /// The tensor of the signature's subgraph.
        1 pub tensor_index: u32 = 0;
    }

    /// A named entry point of a model.
    SignatureDef {
        /// The inputs by name.
        0 pub inputs: Tables<'a, TensorMap<'a>>;
        /// The outputs by name.
        1 pub outputs: Tables<'a, TensorMap<'a>>;
        /// The signature's name, such as `serving_default`.
        2 pub signature_key: Text<'a>;
        /// The subgraph that it enters.
        4 pub subgraph_index: u32 = 0;
    }
}

impl<'a> SignatureDef<'a> {
    /// The tensor of the subgraph that is the input with this name.
    pub fn input(&self, name: &str) -> Option<u32> {
        self.inputs().iter().find(|t| t.name().as_str() == name).map(|t| t.tensor_index())
    }

    /// The tensor of the subgraph that is the output with this name.
    pub fn output(&self, name: &str) -> Option<u32> {
        self.outputs().iter().find(|t| t.name().as_str() == name).map(|t| t.tensor_index())
    }
}

impl<'a> OperatorCode<'a> {
    /// The code's number. Files older than code 127 keep it in a one-byte field, newer ones in a
    /// wider one, and some write both: the larger one counts.
    pub fn number(&self) -> i32 {
        self.builtin_code().max(self.deprecated_builtin_code().into())
    }

    /// The operator.
    pub fn builtin(&self) -> BuiltinOperator {
        // The check makes sure that the number has an operator.
        u32::try_from(self.number())
            .ok()
            .and_then(BuiltinOperator::from_code)
            .unwrap_or(BuiltinOperator::Custom)
    }

    /// The name of the operator: the custom one's own, otherwise that of the schema.
    pub fn name(&self) -> &'a str {
        match self.builtin() {
            BuiltinOperator::Custom => self.custom_code().as_str(),
            builtin => builtin.name(),
        }
    }
}

impl<'a> Tensor<'a> {
    /// The element type.
    pub fn tensor_type(&self) -> TensorType {
        // The check makes sure that the code has a type.
        TensorType::from_code(self.type_code()).unwrap_or(TensorType::Float32)
    }

    /// The declared shape.
    pub fn shape(&self) -> Shape {
        // The check makes sure that the dimensions make a shape.
        Shape::from_signed(self.dims().iter()).unwrap_or_default()
    }

    /// The quantization; `None` for a tensor without scales.
    pub fn quantization(&self) -> Option<Quantization<'a>> {
        self.quantization_parameters().filter(|q| !q.scale().is_empty())
    }

    /// Bytes of the elements in the declared shape; 0 where elements have no fixed size.
    pub fn bytes(&self) -> usize {
        self.tensor_type().bytes(self.shape().elements()).unwrap_or(0)
    }
}

/// Quantization that goes beyond scales and zero points.
#[derive(Clone, Copy, Debug)]
pub enum QuantizationDetails<'a> {
    /// Of a kind that the format does not define.
    Custom(CustomQuantization<'a>),
    /// Scales for blocks of the tensor.
    Blockwise(BlockwiseQuantization<'a>),
    /// Scales for several dimensions at once.
    MultiAxis(MultiAxisQuantization<'a>),
}

impl<'a> Quantization<'a> {
    /// What goes beyond scales and zero points.
    pub fn details(&self) -> Option<QuantizationDetails<'a>> {
        let AnyTable(table) = self.details_table()?;
        match self.details_type() {
            1 => Some(QuantizationDetails::Custom(CustomQuantization(table))),
            2 => Some(QuantizationDetails::Blockwise(BlockwiseQuantization(table))),
            3 => Some(QuantizationDetails::MultiAxis(MultiAxisQuantization(table))),
            _ => None,
        }
    }

    /// The scale of channel `channel`; the only one where there is one.
    pub fn scale_at(&self, channel: usize) -> f32 {
        let scale = self.scale();
        scale.get(if scale.len() == 1 { 0 } else { channel }).unwrap_or(0.0)
    }

    /// The zero point of channel `channel`; the only one where there is one.
    pub fn zero_point_at(&self, channel: usize) -> i32 {
        let zero_point = self.zero_point();
        // The check makes sure that zero points of quantized types fit.
        zero_point
            .get(if zero_point.len() == 1 { 0 } else { channel })
            .and_then(|z| z.try_into().ok())
            .unwrap_or(0)
    }

    /// Whether there is one scale per channel.
    pub fn is_per_channel(&self) -> bool {
        self.scale().len() > 1
    }
}

/// The indices of a compressed dimension, in the narrowest type that holds them.
#[derive(Clone, Copy, Debug)]
pub enum SparseIndices<'a> {
    /// 32 bits each.
    Int32(Vector<'a, i32>),
    /// 16 bits each.
    UInt16(Vector<'a, u16>),
    /// 8 bits each.
    UInt8(Vector<'a, u8>),
}

impl<'a> DimensionMetadata<'a> {
    /// For each position of the dimensions before, where its indices start; `None` when dense.
    pub fn array_segments(&self) -> Option<SparseIndices<'a>> {
        sparse_indices(self.segments_type(), self.segments_table())
    }

    /// The indices that are stored; `None` when dense.
    pub fn array_indices(&self) -> Option<SparseIndices<'a>> {
        sparse_indices(self.indices_type(), self.indices_table())
    }
}

fn sparse_indices<'a>(kind: u8, table: Option<AnyTable<'a>>) -> Option<SparseIndices<'a>> {
    let AnyTable(values) = table?;
    match kind {
        1 => Some(SparseIndices::Int32(values.get_or(0, Vector::EMPTY))),
        2 => Some(SparseIndices::UInt16(values.get_or(0, Vector::EMPTY))),
        3 => Some(SparseIndices::UInt8(values.get_or(0, Vector::EMPTY))),
        _ => None,
    }
}

impl<'a> Buffer<'a> {
    /// Whether the bytes lie outside the tables, at an offset from the start of the file. Offsets
    /// 0 and 1 say that they do not.
    pub(crate) fn is_outside(&self) -> bool {
        self.offset() > 1
    }

    /// The buffer's bytes; `None` where they would lie outside the file.
    pub(crate) fn bytes(&self, file: &'a [u8]) -> Option<&'a [u8]> {
        if self.is_outside() { range(file, self.offset(), self.size()) } else { Some(self.data().bytes()) }
    }
}

/// The bytes of the file from `offset` on, `size` of them.
pub(crate) fn range(file: &[u8], offset: u64, size: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    file.get(start..start.checked_add(usize::try_from(size).ok()?)?)
}

impl<'a> Operator<'a> {
    /// The options of a builtin operator, whichever of the two unions holds them.
    pub fn options(&self) -> Option<Table<'a>> {
        let table = if self.options_type() != 0 { self.options_table() } else { self.options2_table() };
        table.map(|AnyTable(table)| table)
    }

    /// The options of a custom operator, as its maker understands them.
    pub fn custom_options(&self, model: &Model<'a>) -> &'a [u8] {
        let inside = self.custom_options_vector().bytes();
        if inside.is_empty() && self.large_custom_options_offset() > 1 {
            let (offset, size) = (self.large_custom_options_offset(), self.large_custom_options_size());
            return range(model.file, offset, size).unwrap_or_default();
        }
        inside
    }
}
