//! One broken rule at a time: each model is refused with the right place and fault.

use sedge_schema::generated::{
    BuiltinOperator, BuiltinOptionsT, DimensionType, MetadataT, ModelT, OperatorT, QuantizationDetailsT,
    QuantizationParametersT, SparseIndexVectorT, TensorT, TensorType,
};
use sedge_schema::write::to_bytes;
use sedge_schema::{BuiltinOperator as Code, Fault, Model, Place};
use sedge_tests::agree::official_root;
use sedge_tests::samples::{self, append};

const FILE: Place = Place::File;

/// A tensor of the main subgraph.
const fn tensor(index: u32) -> Place {
    Place::Tensor { subgraph: 0, index }
}

/// An operator of the main subgraph.
const fn operator(index: u32) -> Place {
    Place::Operator { subgraph: 0, index }
}

/// The second subgraph of [`samples::unusual`].
const UNUSUAL: u32 = 1;

fn verdict(file: &[u8]) -> Result<(), (Place, Fault)> {
    Model::check(file).map(|_| ()).map_err(|error| (error.place, error.fault))
}

/// [`samples::convolution`], changed, must be refused like this.
#[track_caller]
fn refused(place: Place, fault: Fault, change: impl FnOnce(&mut ModelT)) {
    let mut model = samples::convolution();
    change(&mut model);
    assert_eq!(verdict(&to_bytes(&model)), Err((place, fault)));
}

/// [`samples::unusual`], changed, must be refused like this.
#[track_caller]
fn unusual_refused(place: Place, fault: Fault, change: impl FnOnce(&mut ModelT)) {
    let mut model = samples::unusual();
    change(&mut model);
    assert_eq!(verdict(&to_bytes(&model)), Err((place, fault)));
}

/// [`samples::convolution`], changed, must be accepted: the last value inside a rule.
#[track_caller]
fn accepted(change: impl FnOnce(&mut ModelT)) {
    let mut model = samples::convolution();
    change(&mut model);
    assert_eq!(verdict(&to_bytes(&model)), Ok(()));
}

fn tensor_of(model: &mut ModelT, subgraph: u32, index: usize) -> &mut TensorT {
    let graph = &mut model.subgraphs.as_mut().unwrap()[subgraph as usize];
    &mut graph.tensors.as_mut().unwrap()[index]
}

fn quantization_of(model: &mut ModelT, index: usize) -> &mut QuantizationParametersT {
    tensor_of(model, 0, index).quantization.as_mut().unwrap()
}

fn operator_of(model: &mut ModelT, subgraph: u32, index: usize) -> &mut OperatorT {
    let graph = &mut model.subgraphs.as_mut().unwrap()[subgraph as usize];
    &mut graph.operators.as_mut().unwrap()[index]
}

#[test]
fn the_file_as_a_whole() {
    let file = to_bytes(&samples::relu());
    assert_eq!(verdict(&[]), Err((FILE, Fault::Identifier)));
    assert_eq!(verdict(&file[..7]), Err((FILE, Fault::Identifier)));
    let other = [&file[..4], b"TFL2", &file[8..]].concat();
    assert_eq!(verdict(&other), Err((FILE, Fault::Identifier)));
    refused(FILE, Fault::Version(2), |m| m.version = 2);
    refused(FILE, Fault::Version(0), |m| m.version = 0);
    refused(FILE, Fault::Missing, |m| m.subgraphs = None);
    refused(FILE, Fault::Missing, |m| m.subgraphs = Some(vec![]));
}

#[test]
fn indices_count_what_is_there() {
    let bad = |index: i64| Fault::Index(index);
    // Six tensors, two codes, five buffers.
    refused(Place::Subgraph(0), bad(6), |m| m.subgraphs.as_mut().unwrap()[0].inputs = Some(vec![0, 6]));
    refused(Place::Subgraph(0), bad(-1), |m| m.subgraphs.as_mut().unwrap()[0].inputs = Some(vec![-1]));
    refused(Place::Subgraph(0), bad(i32::MAX.into()), |m| {
        m.subgraphs.as_mut().unwrap()[0].outputs = Some(vec![i32::MAX]);
    });
    refused(operator(1), bad(2), |m| operator_of(m, 0, 1).opcode_index = 2);
    refused(operator(1), bad(u32::MAX.into()), |m| operator_of(m, 0, 1).opcode_index = u32::MAX);
    refused(operator(0), bad(6), |m| operator_of(m, 0, 0).inputs = Some(vec![0, 6]));
    refused(operator(0), bad(-2), |m| operator_of(m, 0, 0).inputs = Some(vec![0, 1, -2]));
    refused(operator(0), bad(6), |m| operator_of(m, 0, 0).outputs = Some(vec![6]));
    refused(operator(0), bad(6), |m| operator_of(m, 0, 0).intermediates = Some(vec![6]));
    accepted(|m| operator_of(m, 0, 0).inputs = Some(vec![0, 1, -1]));
    refused(tensor(3), bad(5), |m| tensor_of(m, 0, 3).buffer = 5);
    refused(Place::Metadata(1), bad(5), |m| {
        let mut metadata = MetadataT::default();
        metadata.buffer = 5;
        m.metadata.as_mut().unwrap().push(metadata);
    });
    refused(FILE, bad(5), |m| m.metadata_buffer = Some(vec![5]));
    refused(FILE, bad(-1), |m| m.metadata_buffer = Some(vec![-1]));
    refused(Place::Signature(0), bad(1), |m| m.signature_defs.as_mut().unwrap()[0].subgraph_index = 1);
    let maps = |m: &mut ModelT| m.signature_defs.as_mut().unwrap()[0].clone();
    refused(Place::Signature(0), bad(6), |m| {
        let mut signature = maps(m);
        signature.inputs.as_mut().unwrap()[0].tensor_index = 6;
        m.signature_defs = Some(vec![signature]);
    });
    refused(Place::Signature(1), bad(u32::MAX.into()), |m| {
        let mut signature = maps(m);
        signature.outputs.as_mut().unwrap()[0].tensor_index = u32::MAX;
        m.signature_defs.as_mut().unwrap().push(signature);
    });
}

#[test]
fn enumerations_have_their_members_only() {
    let last = Code::ALL.len() as i32;
    refused(Place::OperatorCode(1), Fault::UnknownOperator(last as u32), |m| {
        m.operator_codes.as_mut().unwrap()[1].builtin_code = BuiltinOperator(last);
    });
    refused(Place::OperatorCode(0), Fault::UnknownOperator(-1i32 as u32), |m| {
        let code = &mut m.operator_codes.as_mut().unwrap()[0];
        (code.builtin_code, code.deprecated_builtin_code) = (BuiltinOperator(-1), -1);
    });
    refused(tensor(0), Fault::Enum(23), |m| tensor_of(m, 0, 0).type_ = TensorType(23));
    refused(tensor(0), Fault::Enum(-1), |m| tensor_of(m, 0, 0).type_ = TensorType(-1));

    type Change = fn(&mut sedge_schema::generated::Conv2DOptionsT);
    let changes: [(i32, Change); 5] = [
        (2, |o| o.padding.0 = 2),
        (-1, |o| o.padding.0 = -1),
        (6, |o| o.fused_activation_function.0 = 6),
        (-128, |o| o.fused_activation_function.0 = -128),
        (23, |o| o.quantized_bias_type.0 = 23),
    ];
    for (value, change) in changes {
        refused(operator(0), Fault::Enum(value), |m| {
            let BuiltinOptionsT::Conv2DOptions(options) = &mut operator_of(m, 0, 0).builtin_options else {
                panic!("other options")
            };
            change(options);
        });
    }

    let place = Place::Tensor { subgraph: UNUSUAL, index: 0 };
    unusual_refused(place, Fault::Enum(2), |m| {
        let sparsity = tensor_of(m, UNUSUAL, 0).sparsity.as_mut().unwrap();
        sparsity.dim_metadata.as_mut().unwrap()[2].format = DimensionType(2);
    });
    unusual_refused(Place::Tensor { subgraph: UNUSUAL, index: 4 }, Fault::Enum(99), |m| {
        tensor_of(m, UNUSUAL, 4).variant_tensors.as_mut().unwrap()[0].type_ = TensorType(99);
    });
}

/// The kinds of unions are no part of the object trees, so these are changed in the file.
#[test]
fn unions_have_their_kinds_only() {
    use sedge_schema::generated::{DimensionMetadata, QuantizationParameters};
    let file = to_bytes(&samples::unusual());
    let graph = official_root(&file).unwrap().subgraphs().unwrap().get(UNUSUAL as usize);
    let tensor = |index| graph.tensors().unwrap().get(index);
    let sparse = tensor(0).sparsity().unwrap().dim_metadata().unwrap().get(1)._tab;
    let blocks = tensor(1).quantization().unwrap()._tab;
    for (index, table, slot) in [
        (0, sparse, DimensionMetadata::VT_ARRAY_SEGMENTS_TYPE),
        (0, sparse, DimensionMetadata::VT_ARRAY_INDICES_TYPE),
        (1, blocks, QuantizationParameters::VT_DETAILS_TYPE),
    ] {
        // Each union has three kinds.
        for kind in [4, 255] {
            let mut file = file.clone();
            file[table.loc() + usize::from(table.vtable().get(slot))] = kind;
            let place = Place::Tensor { subgraph: UNUSUAL, index };
            assert_eq!(verdict(&file), Err((place, Fault::Enum(kind.into()))));
        }
    }
}

#[test]
fn options_belong_to_their_operator() {
    refused(operator(0), Fault::Options(Code::Conv2d), |m| {
        operator_of(m, 0, 0).builtin_options = BuiltinOptionsT::AddOptions(Box::default());
    });
    refused(operator(1), Fault::Options(Code::Reshape), |m| {
        operator_of(m, 0, 1).builtin_options = BuiltinOptionsT::Conv2DOptions(Box::default());
    });
    refused(operator(1), Fault::ListLength(9), |m| {
        let BuiltinOptionsT::ReshapeOptions(options) = &mut operator_of(m, 0, 1).builtin_options else {
            panic!("other options")
        };
        options.new_shape = Some(vec![1; 9]);
    });
    accepted(|m| operator_of(m, 0, 0).builtin_options = BuiltinOptionsT::NONE);
}

#[test]
fn shapes_are_bounded() {
    let shapes: [&[i32]; 6] = [
        &[1, -1, 4],
        &[i32::MIN],
        &[1; 9],
        &[65536, 32768],
        // Dimensions of 0 do not make up for others.
        &[0, 65536, 65536],
        &[i32::MAX, i32::MAX, i32::MAX],
    ];
    for shape in shapes {
        refused(tensor(3), Fault::Shape, |m| {
            let tensor = tensor_of(m, 0, 3);
            (tensor.shape, tensor.quantization) = (Some(shape.to_vec()), None);
        });
    }
    for shape in [&[1; 8][..], &[0, 3], &[46340, 46340], &[i32::MAX]] {
        accepted(|m| {
            let tensor = tensor_of(m, 0, 3);
            (tensor.shape, tensor.quantization) = (Some(shape.to_vec()), None);
        });
    }
    // 2^28 elements of 16 bytes are 2^32 bytes.
    let large = |m: &mut ModelT, elements: i32| {
        let tensor = tensor_of(m, 0, 3);
        (tensor.shape, tensor.quantization) = (Some(vec![elements]), None);
        tensor.type_ = TensorType::COMPLEX128;
    };
    refused(tensor(3), Fault::Shape, |m| large(m, 1 << 28));
    accepted(|m| large(m, (1 << 28) - 1));
}

#[test]
fn constants_have_the_bytes_of_their_shape() {
    refused(tensor(1), Fault::ConstantSize { needed: 54, found: 53 }, |m| {
        m.buffers.as_mut().unwrap()[1].data.as_mut().unwrap().pop();
    });
    refused(tensor(2), Fault::ConstantSize { needed: 12, found: 13 }, |m| {
        m.buffers.as_mut().unwrap()[2].data.as_mut().unwrap().push(0);
    });
    // 54 elements of 4 bits are 27 bytes, 53 as well, 51 are 26.
    let packed = |m: &mut ModelT, elements: i32| {
        let tensor = tensor_of(m, 0, 1);
        (tensor.type_, tensor.shape, tensor.quantization) = (TensorType::INT4, Some(vec![elements]), None);
        m.buffers.as_mut().unwrap()[1].data.as_mut().unwrap().truncate(27);
    };
    accepted(|m| packed(m, 54));
    accepted(|m| packed(m, 53));
    refused(tensor(1), Fault::ConstantSize { needed: 26, found: 27 }, |m| packed(m, 52));
}

#[test]
fn data_outside_the_tables_lies_in_the_file() {
    let outside = |more_offset: u64, more_size: u64| {
        let refer = |model: &mut ModelT, offset: u64, size: u64| {
            let buffer = &mut model.buffers.as_mut().unwrap()[1];
            (buffer.data, buffer.offset) = (None, offset.saturating_add(more_offset));
            buffer.size = size.saturating_add(more_size);
        };
        verdict(&append(&mut samples::convolution(), &[0; 54], refer))
    };
    let refused = Err((Place::Buffer(1), Fault::BufferRange));
    assert_eq!(outside(0, 0), Ok(()));
    assert_eq!(outside(1, 0), refused);
    assert_eq!(outside(0, 1), refused);
    assert_eq!(outside(u64::MAX, 0), refused);
    assert_eq!(outside(0, u64::MAX), refused);

    let custom = |more_size: u64| {
        let refer = |model: &mut ModelT, offset: u64, size: u64| {
            let operator = operator_of(model, UNUSUAL, 0);
            operator.large_custom_options_offset = offset;
            operator.large_custom_options_size = size.saturating_add(more_size);
        };
        verdict(&append(&mut samples::unusual(), &[1, 2, 3], refer))
    };
    let place = Place::Operator { subgraph: UNUSUAL, index: 0 };
    assert_eq!(custom(0), Ok(()));
    assert_eq!(custom(1), Err((place, Fault::BufferRange)));
    assert_eq!(custom(u64::MAX), Err((place, Fault::BufferRange)));
}

#[test]
fn scales_and_zero_points_fit_the_tensor() {
    let bad = |index: u32, change: fn(&mut QuantizationParametersT)| {
        refused(tensor(index), Fault::Quantization, |m| change(quantization_of(m, index as usize)));
    };
    bad(0, |q| q.scale = Some(vec![f32::NAN]));
    bad(0, |q| q.scale = Some(vec![f32::INFINITY]));
    bad(0, |q| q.scale = Some(vec![f32::NEG_INFINITY]));
    bad(0, |q| q.scale = Some(vec![-0.5]));
    bad(1, |q| q.scale = Some(vec![0.5, 0.5, f32::NAN]));
    // Tensor 1 has three channels along dimension 0 and two along dimension 3.
    bad(1, |q| q.scale = Some(vec![0.5; 2]));
    bad(1, |q| q.scale = Some(vec![0.5; 4]));
    bad(1, |q| q.quantized_dimension = 3);
    bad(1, |q| q.quantized_dimension = 4);
    bad(1, |q| q.quantized_dimension = -1);
    bad(1, |q| q.zero_point = Some(vec![0, 0]));
    bad(0, |q| q.zero_point = Some(vec![0, 0]));
    bad(0, |q| q.zero_point = Some(vec![128]));
    bad(0, |q| q.zero_point = Some(vec![-129]));
    bad(2, |q| q.zero_point = Some(vec![1 << 31]));
    bad(2, |q| q.zero_point = Some(vec![i64::MIN]));
    accepted(|m| quantization_of(m, 0).zero_point = Some(vec![127]));
    accepted(|m| quantization_of(m, 0).zero_point = Some(vec![-128]));
    accepted(|m| quantization_of(m, 0).scale = Some(vec![0.0]));
    accepted(|m| quantization_of(m, 1).zero_point = Some(vec![0]));
    accepted(|m| quantization_of(m, 1).zero_point = None);
    // Some tools write the weights' dimension on one-dimensional biases.
    accepted(|m| quantization_of(m, 2).quantized_dimension = 3);
}

#[test]
fn details_of_quantization_count_tensors() {
    let blocks = |m: &mut ModelT, scales: i32, zero_points: i32| {
        let details = &mut tensor_of(m, UNUSUAL, 1).quantization.as_mut().unwrap().details;
        let QuantizationDetailsT::BlockwiseQuantization(blocks) = details else { panic!("other details") };
        (blocks.scales, blocks.zero_points) = (scales, zero_points);
    };
    // Five tensors; zero points may be left out, scales may not.
    let place = Place::Tensor { subgraph: UNUSUAL, index: 1 };
    unusual_refused(place, Fault::Index(5), |m| blocks(m, 5, 0));
    unusual_refused(place, Fault::Index(-1), |m| blocks(m, -1, 0));
    unusual_refused(place, Fault::Index(5), |m| blocks(m, 0, 5));
    unusual_refused(place, Fault::Index(-2), |m| blocks(m, 0, -2));
    let mut model = samples::unusual();
    blocks(&mut model, 4, 4);
    assert_eq!(verdict(&to_bytes(&model)), Ok(()));
}

#[test]
fn sparse_indices_may_be_left_out() {
    let mut model = samples::unusual();
    let sparsity = tensor_of(&mut model, UNUSUAL, 0).sparsity.as_mut().unwrap();
    sparsity.dim_metadata.as_mut().unwrap()[1].array_indices = SparseIndexVectorT::NONE;
    assert_eq!(verdict(&to_bytes(&model)), Ok(()));
}
