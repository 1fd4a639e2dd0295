//! Models of any form that keep to the format's rules.

use sedge_schema::generated::{
    BlockwiseQuantizationT, BufferT, BuiltinOperator, CustomQuantizationT, DimensionMetadataT, DimensionType,
    Int32VectorT, MetadataT, ModelT, MultiAxisQuantizationT, OperatorCodeT, OperatorT, QuantizationDetailsT,
    QuantizationParametersT, SignatureDefT, SparseIndexVectorT, SparsityParametersT, SubGraphT, TensorMapT,
    TensorT, TensorType, Uint8VectorT, Uint16VectorT, VariantSubTypeT,
};

mod options;

use crate::choices::Choices;
use crate::samples::append;

/// A model file that the reader must accept.
pub fn file(c: &mut Choices<'_>) -> Vec<u8> {
    let mut model = model(c);
    let data = c.list(40, Choices::byte);
    match c.below(3) {
        0 => sedge_schema::write::to_bytes(&model),
        1 => append(&mut model, &data, |model, offset, size| {
            // Buffer 0 is everybody's empty one; the metadata may name any.
            let buffers = model.buffers.get_or_insert_default();
            buffers.truncate(255);
            buffers.push(table!(BufferT { data: None, offset, size }));
            model.metadata = Some(vec![table!(MetadataT { name: None, buffer: buffers.len() as u32 - 1 })]);
        }),
        _ => append(&mut model, &data, |model, offset, size| {
            let graphs = model.subgraphs.iter_mut().flatten();
            for operator in graphs.flat_map(|graph| graph.operators.iter_mut().flatten()) {
                operator.large_custom_options_offset = offset;
                operator.large_custom_options_size = size;
            }
        }),
    }
}

/// A model that keeps to the format's rules.
pub fn model(c: &mut Choices<'_>) -> ModelT {
    // The empty buffer that tensors without constants name.
    let mut buffers = vec![BufferT::default()];
    let codes = c.list(5, operator_code);
    let mut subgraphs = c.list(2, |c| subgraph(c, &codes, &mut buffers));
    subgraphs.push(subgraph(c, &codes, &mut buffers));
    let signatures = c.list(2, |c| signature(c, &subgraphs));
    let buffer_count = buffers.len();
    table!(ModelT {
        version: 3,
        operator_codes: Some(codes),
        description: c.maybe(Choices::text),
        metadata_buffer: c.maybe(|c| c.list(3, |c| c.below(buffer_count) as i32)),
        metadata: c.maybe(|c| {
            c.list(3, |c| {
                table!(MetadataT { name: c.maybe(Choices::text), buffer: c.below(buffer_count) as u32 })
            })
        }),
        signature_defs: (!signatures.is_empty() || c.flag()).then_some(signatures),
        buffers: Some(buffers),
        subgraphs: Some(subgraphs),
    })
}

fn operator_code(c: &mut Choices<'_>) -> OperatorCodeT {
    // Half of them such that Sedge has rules for, the others any.
    let known = c.flag();
    let code = match known {
        true => c.one_of(sedge_schema::op::Op::CODES).code(),
        false => c.below(sedge_schema::BuiltinOperator::ALL.len()) as u32,
    } as i32;
    let narrow = i8::try_from(code).unwrap_or(127);
    // The number may stand in the old field, the new one or both.
    let (deprecated, wide) = match c.below(3) {
        0 => (narrow, code),
        1 => (0, code),
        _ => (narrow, if narrow == 127 { code } else { 0 }),
    };
    table!(OperatorCodeT {
        deprecated_builtin_code: deprecated,
        builtin_code: BuiltinOperator(wide),
        custom_code: c.maybe(Choices::text),
        version: c.int(),
    })
}

fn signature(c: &mut Choices<'_>, graphs: &[SubGraphT]) -> SignatureDefT {
    let subgraph = c.below(graphs.len());
    let tensors = graphs[subgraph].tensors.as_ref().map_or(0, Vec::len);
    let maps = |c: &mut Choices<'_>| {
        let most = if tensors == 0 { 0 } else { 3 };
        c.list(most, |c| {
            table!(TensorMapT { name: c.maybe(Choices::text), tensor_index: c.below(tensors) as u32 })
        })
    };
    table!(SignatureDefT {
        inputs: c.maybe(maps),
        outputs: c.maybe(maps),
        signature_key: c.maybe(Choices::text),
        subgraph_index: subgraph as u32,
    })
}

fn subgraph(c: &mut Choices<'_>, codes: &[OperatorCodeT], buffers: &mut Vec<BufferT>) -> SubGraphT {
    let count = c.below(6);
    let tensors: Vec<_> = (0..count).map(|_| tensor(c, count, buffers)).collect();
    let indices = |c: &mut Choices<'_>| match count {
        0 => vec![],
        n => c.list(4, |c| c.below(n) as i32),
    };
    let operators = if codes.is_empty() { 0 } else { 3 };
    table!(SubGraphT {
        tensors: (count != 0 || c.flag()).then_some(tensors),
        inputs: c.maybe(indices),
        outputs: c.maybe(indices),
        operators: c.maybe(|c| c.list(operators, |c| operator(c, count, codes))),
        name: c.maybe(Choices::text),
        debug_metadata_index: c.int(),
    })
}

fn tensor(c: &mut Choices<'_>, tensors: usize, buffers: &mut Vec<BufferT>) -> TensorT {
    let kind = c.one_of(sedge_schema::TensorType::ALL);
    let shape: Vec<i32> = c.list(8, |c| c.one_of(&[1, 2, 3, 0]));
    let sparsity = c.maybe(sparsity).map(Box::new);
    let elements = shape.iter().product::<i32>() as usize;
    // Constants have as many bytes as their elements need, the last byte filled up; strings and
    // sparse ones have any number.
    let needed = match kind.bits() {
        0 => c.below(20),
        _ if sparsity.is_some() => c.below(20),
        bits => (elements * bits).div_ceil(8),
    };
    let constant = c.flag();
    if constant {
        buffers.push(table!(BufferT { data: Some(vec![c.byte(); needed]) }));
    }
    table!(TensorT {
        type_: TensorType(kind.code()),
        buffer: if constant { buffers.len() as u32 - 1 } else { 0 },
        name: c.maybe(Choices::text),
        quantization: c.maybe(|c| Box::new(quantization(c, &shape, tensors))),
        is_variable: c.flag(),
        sparsity,
        shape_signature: c.maybe(|c| c.list(8, Choices::int)),
        has_rank: c.flag(),
        variant_tensors: c.maybe(|c| c.list(2, variant)),
        external_buffer: c.word(),
        shape: (!shape.is_empty() || c.flag()).then_some(shape),
    })
}

fn variant(c: &mut Choices<'_>) -> VariantSubTypeT {
    table!(VariantSubTypeT {
        shape: c.maybe(|c| c.list(9, Choices::int)),
        type_: TensorType(c.one_of(sedge_schema::TensorType::ALL).code()),
        has_rank: c.flag(),
    })
}

fn quantization(c: &mut Choices<'_>, shape: &[i32], tensors: usize) -> QuantizationParametersT {
    let axis = c.below(8);
    let channels = shape.get(axis).map_or(1, |&dim| dim as usize);
    let count = c.one_of(&[0, 1, channels]);
    let zero_points = c.one_of(&[0, 1, count]);
    let details = match c.below(4) {
        0 => QuantizationDetailsT::NONE,
        1 => QuantizationDetailsT::CustomQuantization(Box::new(table!(CustomQuantizationT {
            custom: c.maybe(|c| c.list(20, Choices::byte)),
        }))),
        2 => QuantizationDetailsT::BlockwiseQuantization(Box::new(table!(BlockwiseQuantizationT {
            scales: c.below(tensors) as i32,
            zero_points: c.below(tensors + 1) as i32 - 1,
            block_size: c.int(),
            block_shape: c.maybe(|c| c.list(4, Choices::int)),
        }))),
        _ => QuantizationDetailsT::MultiAxisQuantization(Box::new(table!(MultiAxisQuantizationT {
            block_size: c.int(),
        }))),
    };
    table!(QuantizationParametersT {
        min: c.maybe(|c| c.list(3, Choices::float)),
        max: c.maybe(|c| c.list(3, Choices::float)),
        scale: (count != 0 || c.flag())
            .then(|| vec![c.one_of(&[0.5, 0.0, f32::MIN_POSITIVE, f32::MAX]); count]),
        // 0 and 1 are in the range of every integer type, 2 bits or more.
        zero_point: c.maybe(|c| vec![c.one_of(&[0, 1]); zero_points]),
        details,
        quantized_dimension: axis as i32,
    })
}

fn sparsity(c: &mut Choices<'_>) -> SparsityParametersT {
    let index = |c: &mut Choices<'_>| match c.below(4) {
        0 => SparseIndexVectorT::NONE,
        1 => SparseIndexVectorT::Int32Vector(Box::new(table!(Int32VectorT {
            values: c.maybe(|c| c.list(4, Choices::int)),
        }))),
        2 => SparseIndexVectorT::Uint16Vector(Box::new(table!(Uint16VectorT {
            values: c.maybe(|c| c.list(4, |c| c.word() as u16)),
        }))),
        _ => SparseIndexVectorT::Uint8Vector(Box::new(table!(Uint8VectorT {
            values: c.maybe(|c| c.list(4, Choices::byte)),
        }))),
    };
    table!(SparsityParametersT {
        traversal_order: c.maybe(|c| c.list(4, Choices::int)),
        block_map: c.maybe(|c| c.list(4, Choices::int)),
        dim_metadata: c.maybe(|c| {
            c.list(3, |c| {
                table!(DimensionMetadataT {
                    format: c.one_of(&[DimensionType::DENSE, DimensionType::SPARSE_CSR]),
                    dense_size: c.int(),
                    array_segments: index(c),
                    array_indices: index(c),
                })
            })
        }),
    })
}

fn operator(c: &mut Choices<'_>, tensors: usize, codes: &[OperatorCodeT]) -> OperatorT {
    let index = c.below(codes.len());
    let code = codes[index].builtin_code.0.max(codes[index].deprecated_builtin_code.into());
    let indices = |c: &mut Choices<'_>| c.list(4, |c| c.below(tensors + 1) as i32 - 1);
    table!(OperatorT {
        opcode_index: index as u32,
        inputs: c.maybe(indices),
        outputs: c.maybe(indices),
        intermediates: c.maybe(indices),
        builtin_options: c.maybe(|c| options::any(c, BuiltinOperator(code))).unwrap_or_default(),
        builtin_options_2: c.maybe(|c| options::any_2(c, BuiltinOperator(code))).unwrap_or_default(),
        custom_options: c.maybe(|c| c.list(20, Choices::byte)),
        mutating_variable_inputs: c.maybe(|c| c.list(4, Choices::flag)),
        debug_metadata_index: c.int(),
    })
}
