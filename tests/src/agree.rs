//! Compares a checked model with what the official FlatBuffers code reads from the same file.

mod options;

use flatbuffers::{Follow, ForwardsUOffset};
use sedge_schema::generated as official;
use sedge_schema::{
    DimensionMetadata, Model, Operator, OperatorCode, Quantization, QuantizationDetails, Scalar,
    SignatureDef, SparseIndices, Sparsity, Subgraph, Tensor, TensorMap, Vector,
    op::{Op, Operator as _, VarHandle},
};

/// What the official code reads from `file`; `None` where its own verification refuses the file.
pub fn official_root(file: &[u8]) -> Option<official::Model<'_>> {
    // Real models have more tables than the default allows; nothing else is loosened.
    let options = flatbuffers::VerifierOptions { max_tables: 100_000_000, ..Default::default() };
    official::root_as_model_with_opts(&options, file).ok()
}

/// Panics where the two readers differ in any field that Sedge offers.
pub fn agree(ours: &Model<'_>, theirs: &official::Model<'_>) {
    let file = ours.file();
    assert_eq!(ours.version(), theirs.version());
    assert_eq!(ours.description(), theirs.description().unwrap_or_default());
    assert_eq!(list(ours.metadata_buffers()), elements(theirs.metadata_buffer()));
    each(ours.operator_codes().iter(), theirs.operator_codes(), |ours, theirs| operator_code(&ours, &theirs));
    each(0..ours.buffers().len() as u32, theirs.buffers(), |ours_index, theirs| {
        assert!(ours.buffer(ours_index) == buffer(file, &theirs), "buffer {ours_index}");
    });
    each(ours.metadata().iter(), theirs.metadata(), |ours, theirs| {
        assert_eq!(ours.name().as_str(), theirs.name().unwrap_or_default());
        assert_eq!(ours.buffer(), theirs.buffer());
    });
    each(ours.signatures().iter(), theirs.signature_defs(), |ours, theirs| signature(&ours, &theirs));
    each(ours.subgraphs().iter(), theirs.subgraphs(), |graph, their_graph| {
        subgraph(ours, &graph, theirs, &their_graph);
    });
}

/// Compares two lists entry by entry, an absent one being empty.
fn each<'a, O, T: Follow<'a> + 'a>(
    ours: impl Iterator<Item = O>,
    theirs: Option<flatbuffers::Vector<'a, ForwardsUOffset<T>>>,
    compare: impl Fn(O, T::Inner),
) {
    let (ours, theirs) = (ours.collect::<Vec<_>>(), elements(theirs));
    assert_eq!(ours.len(), theirs.len());
    ours.into_iter().zip(theirs).for_each(|(ours, theirs)| compare(ours, theirs));
}

fn list<T: Scalar>(vector: Vector<'_, T>) -> Vec<T> {
    (0..vector.len()).filter_map(|i| vector.get(i)).collect()
}

fn elements<'a, T: Follow<'a> + 'a>(vector: Option<flatbuffers::Vector<'a, T>>) -> Vec<T::Inner> {
    vector.map(|v| v.iter().collect()).unwrap_or_default()
}

/// Compares floats bit by bit, so that a NaN equals itself.
fn floats(ours: Vector<'_, f32>, theirs: Option<flatbuffers::Vector<'_, f32>>) {
    let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
    assert_eq!(bits(list(ours)), bits(elements(theirs)));
}

/// The bytes of a buffer by the schema's words: inside the tables, or `size` bytes of the file at
/// `offset` where that is more than 1.
fn buffer<'a>(file: &'a [u8], buffer: &official::Buffer<'a>) -> &'a [u8] {
    match buffer.offset() {
        0 | 1 => buffer.data().map(|data| data.bytes()).unwrap_or_default(),
        start => &file[start as usize..][..buffer.size() as usize],
    }
}

fn operator_code(ours: &OperatorCode<'_>, theirs: &official::OperatorCode<'_>) {
    let number = theirs.builtin_code().0.max(theirs.deprecated_builtin_code().into());
    assert_eq!(ours.number(), number);
    assert_eq!(ours.builtin().code() as i32, number);
    let custom = theirs.custom_code().unwrap_or_default();
    let name = official::BuiltinOperator(number).variant_name();
    assert_eq!(ours.name(), if name == Some("CUSTOM") { custom } else { name.unwrap() });
    assert_eq!(ours.custom_code().as_str(), custom);
    assert_eq!(ours.version(), theirs.version());
}

fn signature(ours: &SignatureDef<'_>, theirs: &official::SignatureDef<'_>) {
    assert_eq!(ours.signature_key().as_str(), theirs.signature_key().unwrap_or_default());
    assert_eq!(ours.subgraph_index(), theirs.subgraph_index());
    let entry = |ours: TensorMap<'_>, theirs: official::TensorMap<'_>| {
        assert_eq!(ours.name().as_str(), theirs.name().unwrap_or_default());
        assert_eq!(ours.tensor_index(), theirs.tensor_index());
    };
    each(ours.inputs().iter(), theirs.inputs(), entry);
    each(ours.outputs().iter(), theirs.outputs(), entry);
}

fn subgraph(
    model: &Model<'_>,
    ours: &Subgraph<'_>,
    their_model: &official::Model<'_>,
    theirs: &official::SubGraph<'_>,
) {
    assert_eq!(ours.name().as_str(), theirs.name().unwrap_or_default());
    assert_eq!(list(ours.inputs()), elements(theirs.inputs()));
    assert_eq!(list(ours.outputs()), elements(theirs.outputs()));
    each(ours.tensors().iter(), theirs.tensors(), |ours, theirs| {
        tensor(&ours, &theirs);
        let constant = their_model.buffers().unwrap().get(theirs.buffer() as usize);
        assert!(model.constant(&ours) == buffer(model.file(), &constant), "constant of {ours:?}");
    });
    each(ours.operators().iter(), theirs.operators(), |ours, theirs| {
        operator(model, &ours, &theirs);
        let code = their_model.operator_codes().unwrap().get(theirs.opcode_index() as usize);
        operator_code(&model.code(&ours), &code);
    });
}

fn tensor(ours: &Tensor<'_>, theirs: &official::Tensor<'_>) {
    let dims: Vec<i64> = elements(theirs.shape()).into_iter().map(i64::from).collect();
    let our_dims = ours.shape().dims().iter().map(|&d| i64::from(d)).collect::<Vec<_>>();
    assert_eq!(our_dims, dims);
    assert_eq!(ours.shape().elements() as i64, dims.iter().product::<i64>());
    assert_eq!(ours.tensor_type().code(), theirs.type_().0);
    assert_eq!(ours.tensor_type().name().to_uppercase(), theirs.type_().variant_name().unwrap());
    assert_eq!(ours.buffer(), theirs.buffer());
    assert_eq!(ours.name().as_str(), theirs.name().unwrap_or_default());
    assert_eq!(ours.is_variable(), theirs.is_variable());
    assert_eq!(list(ours.shape_signature()), elements(theirs.shape_signature()));
    assert_eq!(ours.has_rank(), theirs.has_rank());
    assert_eq!(ours.external_buffer(), theirs.external_buffer());
    each(ours.variant_tensors().iter(), theirs.variant_tensors(), |ours, theirs| {
        assert_eq!(list(ours.dims()), elements(theirs.shape()));
        assert_eq!(ours.type_code(), theirs.type_().0);
        assert_eq!(ours.has_rank(), theirs.has_rank());
    });
    // A quantization without scales only carries what calibration saw; it reads as none.
    let quantized = theirs.quantization().filter(|q| q.scale().is_some_and(|s| !s.is_empty()));
    assert_eq!(ours.quantization().is_some(), quantized.is_some());
    if let (Some(ours), Some(theirs)) = (ours.quantization(), quantized) {
        quantization(&ours, &theirs);
    }
    assert_eq!(ours.sparsity().is_some(), theirs.sparsity().is_some());
    if let (Some(ours), Some(theirs)) = (ours.sparsity(), theirs.sparsity()) {
        sparsity(&ours, &theirs);
    }
}

fn quantization(ours: &Quantization<'_>, theirs: &official::QuantizationParameters<'_>) {
    floats(ours.min(), theirs.min());
    floats(ours.max(), theirs.max());
    floats(ours.scale(), theirs.scale());
    let zero_points = elements(theirs.zero_point());
    assert_eq!(list(ours.zero_point()), zero_points);
    assert_eq!(ours.quantized_dimension(), theirs.quantized_dimension());
    let scales = elements(theirs.scale());
    assert_eq!(ours.is_per_channel(), scales.len() > 1);
    for (channel, scale) in scales.iter().enumerate() {
        assert_eq!(ours.scale_at(channel).to_bits(), scale.to_bits());
        // One zero point serves all channels, none stands for 0.
        let zero_point = zero_points.get(channel).or(zero_points.first()).unwrap_or(&0);
        assert_eq!(i64::from(ours.zero_point_at(channel)), *zero_point);
    }
    let custom = theirs.details_as_custom_quantization();
    let blockwise = theirs.details_as_blockwise_quantization();
    let multi_axis = theirs.details_as_multi_axis_quantization();
    match ours.details() {
        Some(QuantizationDetails::Custom(ours)) => {
            assert_eq!(list(ours.custom()), elements(custom.unwrap().custom()));
        }
        Some(QuantizationDetails::Blockwise(ours)) => {
            let theirs = blockwise.unwrap();
            assert_eq!(ours.scales(), theirs.scales());
            assert_eq!(ours.zero_points(), theirs.zero_points());
            assert_eq!(ours.block_size(), theirs.block_size());
            assert_eq!(list(ours.block_shape()), elements(theirs.block_shape()));
        }
        Some(QuantizationDetails::MultiAxis(_)) => assert!(multi_axis.is_some()),
        None => assert!(custom.is_none() && blockwise.is_none() && multi_axis.is_none()),
    }
}

fn sparsity(ours: &Sparsity<'_>, theirs: &official::SparsityParameters<'_>) {
    assert_eq!(list(ours.traversal_order()), elements(theirs.traversal_order()));
    assert_eq!(list(ours.block_map()), elements(theirs.block_map()));
    each(ours.dim_metadata().iter(), theirs.dim_metadata(), |ours, theirs| dimension(&ours, &theirs));
}

fn dimension(ours: &DimensionMetadata<'_>, theirs: &official::DimensionMetadata<'_>) {
    assert_eq!(ours.format(), theirs.format().0);
    assert_eq!(ours.dense_size(), theirs.dense_size());
    /// The vector of a union, with its width in front.
    macro_rules! official {
        ($int32:ident, $uint16:ident, $uint8:ident) => {
            None.or(theirs.$int32().map(|v| (32, elements(v.values()).into_iter().map(i64::from).collect())))
                .or(theirs.$uint16().map(|v| (16, elements(v.values()).into_iter().map(i64::from).collect())))
                .or(theirs.$uint8().map(|v| (8, elements(v.values()).into_iter().map(i64::from).collect())))
        };
    }
    let segments: Option<(u8, Vec<i64>)> = official!(
        array_segments_as_int_32_vector,
        array_segments_as_uint_16_vector,
        array_segments_as_uint_8_vector
    );
    let indices: Option<(u8, Vec<i64>)> = official!(
        array_indices_as_int_32_vector,
        array_indices_as_uint_16_vector,
        array_indices_as_uint_8_vector
    );
    let ours_of = |indices| match indices {
        SparseIndices::Int32(v) => (32, list(v).into_iter().map(i64::from).collect::<Vec<_>>()),
        SparseIndices::UInt16(v) => (16, list(v).into_iter().map(i64::from).collect()),
        SparseIndices::UInt8(v) => (8, list(v).into_iter().map(i64::from).collect()),
    };
    assert_eq!(ours.array_segments().map(ours_of), segments);
    assert_eq!(ours.array_indices().map(ours_of), indices);
}

fn operator(model: &Model<'_>, ours: &Operator<'_>, theirs: &official::Operator<'_>) {
    assert_eq!(ours.opcode_index(), theirs.opcode_index());
    assert_eq!(list(ours.inputs()), elements(theirs.inputs()));
    assert_eq!(list(ours.outputs()), elements(theirs.outputs()));
    assert_eq!(list(ours.intermediates()), elements(theirs.intermediates()));
    assert_eq!(list(ours.mutating_variable_inputs()), elements(theirs.mutating_variable_inputs()));
    assert_eq!(ours.custom_options_format(), theirs.custom_options_format().0);
    let inside = theirs.custom_options().map(|o| o.bytes()).unwrap_or_default();
    let outside = theirs.large_custom_options_offset() as usize;
    let custom = match inside.is_empty() && outside > 1 {
        true => &model.file()[outside..][..theirs.large_custom_options_size() as usize],
        false => inside,
    };
    assert_eq!(ours.custom_options(model), custom);
    assert_eq!(ours.options_type(), theirs.builtin_options_type().0);
    assert_eq!(ours.options2_type(), theirs.builtin_options_2_type().0);
    let options = match theirs.builtin_options_type().0 {
        0 => theirs.builtin_options_2(),
        _ => theirs.builtin_options(),
    };
    assert_eq!(ours.options().is_some(), options.is_some());
    let code = model.code(ours).builtin();
    match Op::read(code, ours.options()) {
        Some(op) => options::agree(&op, theirs),
        None => assert!(!Op::CODES.contains(&code)),
    }
    if code == VarHandle::CODE {
        let names = theirs.builtin_options_as_var_handle_options();
        let container = names.and_then(|t| t.container()).unwrap_or_default();
        let shared_name = names.and_then(|t| t.shared_name()).unwrap_or_default();
        assert_eq!(VarHandle::names(ours), (container, shared_name));
    }
}
