//! Small models that together hold every table and field of the format that Sedge reads.

use sedge_schema::generated::{
    BlockwiseQuantizationT, BufferT, BuiltinOperator, BuiltinOptionsT, Conv2DOptionsT, CustomQuantizationT,
    DimensionMetadataT, DimensionType, Int32VectorT, MetadataT, ModelT, OperatorCodeT, OperatorT, Padding,
    QuantizationDetailsT, QuantizationParametersT, ReshapeOptionsT, SignatureDefT, SparseIndexVectorT,
    SparsityParametersT, SubGraphT, TensorMapT, TensorT, TensorType, Uint8VectorT, Uint16VectorT,
    VariantSubTypeT,
};
use sedge_schema::write::to_bytes;

/// The samples as files, by name.
pub fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("relu", to_bytes(&relu())),
        ("convolution", to_bytes(&convolution())),
        ("unusual", to_bytes(&unusual())),
        ("outside buffer", outside_buffer()),
        ("outside options", outside_options()),
    ]
}

/// A float32 tensor of shape `[1, 4]` through one RELU.
pub fn relu() -> ModelT {
    let graph = table!(SubGraphT {
        tensors: Some(vec![tensor(TensorType::FLOAT32, &[1, 4]), tensor(TensorType::FLOAT32, &[1, 4])]),
        inputs: Some(vec![0]),
        outputs: Some(vec![1]),
        operators: Some(vec![operator(0, &[0], &[1])]),
    });
    model(vec![code(BuiltinOperator::RELU)], graph, vec![])
}

/// An int8 CONV_2D with weights per channel, then a RESHAPE, with names, metadata and a signature.
///
/// Tensors: 0 image, 1 weights, 2 bias, 3 result, 4 new shape, 5 reshaped. Operators: 0 CONV_2D,
/// 1 RESHAPE. Buffers: 0 empty, 1 weights, 2 bias, 3 new shape, 4 metadata.
pub fn convolution() -> ModelT {
    let mut image = quantized(tensor(TensorType::INT8, &[1, 4, 4, 2]), &[0.5], &[-3], 0);
    image.name = Some("image".into());
    image.shape_signature = Some(vec![-1, 4, 4, 2]);
    let weights = quantized(tensor(TensorType::INT8, &[3, 3, 3, 2]), &[0.5, 0.25, 1.0], &[0, 0, 0], 0);
    let bias = quantized(tensor(TensorType::INT32, &[3]), &[0.25, 0.125, 0.5], &[0, 0, 0], 0);
    let result = quantized(tensor(TensorType::INT8, &[1, 4, 4, 3]), &[2.0], &[7], 0);
    let shape = tensor(TensorType::INT32, &[2]);
    let reshaped = quantized(tensor(TensorType::INT8, &[1, 48]), &[2.0], &[7], 0);

    let mut convolve = operator(0, &[0, 1, 2], &[3]);
    convolve.builtin_options = BuiltinOptionsT::Conv2DOptions(Box::new(table!(Conv2DOptionsT {
        padding: Padding::SAME,
        stride_w: 1,
        stride_h: 1,
    })));
    let mut reshape = operator(1, &[3, 4], &[5]);
    reshape.builtin_options =
        BuiltinOptionsT::ReshapeOptions(Box::new(table!(ReshapeOptionsT { new_shape: Some(vec![1, -1]) })));

    let graph = table!(SubGraphT {
        tensors: Some(vec![
            image,
            constant(weights, 1),
            constant(bias, 2),
            result,
            constant(shape, 3),
            reshaped,
        ]),
        inputs: Some(vec![0]),
        outputs: Some(vec![5]),
        operators: Some(vec![convolve, reshape]),
        name: Some("main".into()),
    });
    let ints = |values: &[i32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    table!(ModelT {
        version: 3,
        operator_codes: Some(vec![code(BuiltinOperator::CONV_2D), code(BuiltinOperator::RESHAPE)]),
        subgraphs: Some(vec![graph]),
        description: Some("a convolution".into()),
        buffers: Some(vec![
            BufferT::default(),
            data((0..54).collect()),
            data(ints(&[100, -200, 300])),
            data(ints(&[1, -1])),
            data(b"1.2.3".to_vec()),
        ]),
        metadata_buffer: Some(vec![4]),
        metadata: Some(vec![table!(MetadataT { name: Some("version".into()), buffer: 4 })]),
        signature_defs: Some(vec![table!(SignatureDefT {
            inputs: Some(vec![table!(TensorMapT { name: Some("x".into()), tensor_index: 0 })]),
            outputs: Some(vec![table!(TensorMapT { name: Some("y".into()), tensor_index: 5 })]),
            signature_key: Some("serving_default".into()),
            subgraph_index: 0,
        })]),
    })
}

/// What few models have: two subgraphs, a custom operator, sparse weights, every kind of
/// quantization details, a variant.
///
/// Tensors of subgraph 1: 0 sparse, 1 of blocks (their scales in 3), 2 custom, 3 multi-axis,
/// 4 variant. Its operator 0 is the custom one.
pub fn unusual() -> ModelT {
    let mut model = relu();
    let mut sparse = constant(tensor(TensorType::FLOAT32, &[2, 4]), 1);
    sparse.sparsity = Some(Box::new(table!(SparsityParametersT {
        traversal_order: Some(vec![0, 1, 2]),
        block_map: Some(vec![1]),
        dim_metadata: Some(vec![
            table!(DimensionMetadataT { dense_size: 2 }),
            table!(DimensionMetadataT {
                format: DimensionType::SPARSE_CSR,
                dense_size: 0,
                array_segments: SparseIndexVectorT::Uint16Vector(Box::new(table!(Uint16VectorT {
                    values: Some(vec![0, 1, 1]),
                }))),
                array_indices: SparseIndexVectorT::Uint8Vector(Box::new(table!(Uint8VectorT {
                    values: Some(vec![1]),
                }))),
            }),
            table!(DimensionMetadataT {
                array_segments: SparseIndexVectorT::Int32Vector(Box::new(table!(Int32VectorT {
                    values: Some(vec![-1]),
                }))),
                dense_size: 2,
            }),
        ]),
    })));
    let details = |details| {
        table!(TensorT {
            quantization: Some(Box::new(table!(QuantizationParametersT { scale: Some(vec![1.0]), details }))),
            ..tensor(TensorType::INT4, &[3])
        })
    };
    let blocks =
        details(QuantizationDetailsT::BlockwiseQuantization(Box::new(table!(BlockwiseQuantizationT {
            scales: 3,
            zero_points: -1,
            block_size: 32,
            block_shape: Some(vec![1]),
        }))));
    let custom = details(QuantizationDetailsT::CustomQuantization(Box::new(table!(CustomQuantizationT {
        custom: Some(vec![1, 2, 3]),
    }))));
    let multi_axis = details(QuantizationDetailsT::MultiAxisQuantization(Box::default()));
    let mut variant = tensor(TensorType::VARIANT, &[]);
    variant.is_variable = true;
    variant.variant_tensors = Some(vec![table!(VariantSubTypeT {
        shape: Some(vec![1, 2]),
        type_: TensorType::INT64,
        has_rank: true,
    })]);

    let mut operator = operator(1, &[0, -1], &[2]);
    operator.custom_options = Some(vec![9, 8, 7]);
    operator.mutating_variable_inputs = Some(vec![true, false]);
    operator.intermediates = Some(vec![1]);
    model.operator_codes.get_or_insert_default().push(table!(OperatorCodeT {
        custom_code: Some("mine".into()),
        version: 2,
        ..code(BuiltinOperator::CUSTOM)
    }));
    model.subgraphs.get_or_insert_default().push(table!(SubGraphT {
        tensors: Some(vec![sparse, blocks, custom, multi_axis, variant]),
        operators: Some(vec![operator]),
    }));
    model.buffers.get_or_insert_default().push(data(vec![0; 8]));
    model
}

/// [`convolution`] with its weights behind the tables.
pub fn outside_buffer() -> Vec<u8> {
    let weights: Vec<u8> = (0..54).collect();
    append(&mut convolution(), &weights, |model, offset, size| {
        model.buffers.get_or_insert_default()[1] = table!(BufferT { data: None, offset, size });
    })
}

/// [`unusual`] with the custom operator's options behind the tables.
pub fn outside_options() -> Vec<u8> {
    append(&mut unusual(), &[9, 8, 7], |model, offset, size| {
        let operator = &mut model.subgraphs.get_or_insert_default()[1].operators.get_or_insert_default()[0];
        operator.custom_options = None;
        operator.large_custom_options_offset = offset;
        operator.large_custom_options_size = size;
    })
}

/// The file of `model` with `data` behind its tables; `refer` tells the model the data's offset
/// and size.
pub fn append(model: &mut ModelT, data: &[u8], refer: impl Fn(&mut ModelT, u64, u64)) -> Vec<u8> {
    // A number's size does not depend on its value, so the tables' length does not either, as
    // long as it is not the default.
    let before = model.clone();
    refer(model, u64::MAX, data.len() as u64);
    let offset = to_bytes(model).len() as u64;
    *model = before;
    refer(model, offset, data.len() as u64);
    let mut file = to_bytes(model);
    assert_eq!(file.len() as u64, offset);
    file.extend_from_slice(data);
    file
}

/// A model of one graph. `buffers` follow the empty buffer 0.
pub fn model(codes: Vec<OperatorCodeT>, graph: SubGraphT, buffers: Vec<Vec<u8>>) -> ModelT {
    let buffers = std::iter::once(BufferT::default()).chain(buffers.into_iter().map(data));
    table!(ModelT {
        version: 3,
        operator_codes: Some(codes),
        subgraphs: Some(vec![graph]),
        buffers: Some(buffers.collect()),
    })
}

/// A tensor without a constant.
pub fn tensor(type_: TensorType, shape: &[i32]) -> TensorT {
    table!(TensorT { type_, shape: Some(shape.to_vec()) })
}

/// `tensor` with its elements in buffer `buffer`.
pub fn constant(tensor: TensorT, buffer: u32) -> TensorT {
    table!(TensorT { buffer, ..tensor })
}

/// `tensor` with these scales and zero points along `axis`.
pub fn quantized(tensor: TensorT, scale: &[f32], zero_point: &[i64], axis: i32) -> TensorT {
    let quantization = table!(QuantizationParametersT {
        scale: Some(scale.to_vec()),
        zero_point: Some(zero_point.to_vec()),
        quantized_dimension: axis,
    });
    table!(TensorT { quantization: Some(Box::new(quantization)), ..tensor })
}

/// An operator without options.
pub fn operator(code: u32, inputs: &[i32], outputs: &[i32]) -> OperatorT {
    table!(OperatorT { opcode_index: code, inputs: Some(inputs.to_vec()), outputs: Some(outputs.to_vec()) })
}

/// The entry of an operator, in both of the fields that can hold its number.
pub fn code(builtin_code: BuiltinOperator) -> OperatorCodeT {
    let deprecated_builtin_code = i8::try_from(builtin_code.0).unwrap_or(127);
    table!(OperatorCodeT { builtin_code, deprecated_builtin_code })
}

fn data(bytes: Vec<u8>) -> BufferT {
    table!(BufferT { data: Some(bytes) })
}
