//! Files in which many tables refer to the same bytes, so that following every reference would take
//! the square or the cube of the file's length. The measure is what a naive check would read, in
//! bytes, so nothing here depends on time.

use flatbuffers::{FlatBufferBuilder, WIPOffset};
use sedge_schema::generated::{
    Buffer, BufferArgs, BuiltinOptions, DimensionMetadata, DimensionMetadataArgs, Model as Root, ModelArgs,
    Operator, OperatorArgs, OperatorCode, OperatorCodeArgs, QuantizationParameters,
    QuantizationParametersArgs, ReshapeOptions, ReshapeOptionsArgs, SignatureDef, SignatureDefArgs,
    SparsityParameters, SparsityParametersArgs, SubGraph, SubGraphArgs, Tensor, TensorArgs, TensorMap,
    TensorMapArgs, TensorType, VariantSubType, VariantSubTypeArgs, finish_model_buffer,
};
use sedge_schema::{Fault, Model};

type Builder = FlatBufferBuilder<'static>;
type Tables<T> = Option<WIPOffset<flatbuffers::Vector<'static, flatbuffers::ForwardsUOffset<T>>>>;

/// A list that names the same table `count` times.
fn repeat<T>(b: &mut Builder, table: WIPOffset<T>, count: usize) -> Tables<T> {
    Some(b.create_vector(&vec![table; count]))
}

/// A file with these parts; one empty buffer, one operator code.
fn file(
    mut b: Builder,
    tensors: Tables<Tensor<'static>>,
    operators: Tables<Operator<'static>>,
    signatures: Tables<SignatureDef<'static>>,
    graphs: usize,
) -> Vec<u8> {
    let graph = SubGraph::create(&mut b, &SubGraphArgs { tensors, operators, ..Default::default() });
    let subgraphs = repeat(&mut b, graph, graphs);
    let buffer = Buffer::create(&mut b, &BufferArgs::default());
    let buffers = repeat(&mut b, buffer, 1);
    let args = OperatorCodeArgs { deprecated_builtin_code: 22, ..Default::default() };
    let code = OperatorCode::create(&mut b, &args);
    let operator_codes = repeat(&mut b, code, 1);
    let args = ModelArgs {
        version: 3,
        operator_codes,
        subgraphs,
        buffers,
        signature_defs: signatures,
        ..Default::default()
    };
    let root = Root::create(&mut b, &args);
    finish_model_buffer(&mut b, root);
    b.finished_data().to_vec()
}

/// One tensor without a buffer.
fn plain(b: &mut Builder) -> Tables<Tensor<'static>> {
    let tensor = Tensor::create(b, &TensorArgs::default());
    repeat(b, tensor, 1)
}

/// `many` operators with one list of `long` inputs.
fn inputs(many: usize, long: usize) -> Vec<u8> {
    let mut b = Builder::new();
    let tensors = plain(&mut b);
    let list = Some(b.create_vector(&vec![0i32; long]));
    let operator = Operator::create(&mut b, &OperatorArgs { inputs: list, ..Default::default() });
    let operators = repeat(&mut b, operator, many);
    file(b, tensors, operators, None, 1)
}

/// `many` operators with one list of `long` intermediates.
fn intermediates(many: usize, long: usize) -> Vec<u8> {
    let mut b = Builder::new();
    let tensors = plain(&mut b);
    let list = Some(b.create_vector(&vec![0i32; long]));
    let operator = Operator::create(&mut b, &OperatorArgs { intermediates: list, ..Default::default() });
    let operators = repeat(&mut b, operator, many);
    file(b, tensors, operators, None, 1)
}

/// `many` tensors with one list of `long` scales.
fn scales(many: usize, long: usize) -> Vec<u8> {
    let mut b = Builder::new();
    let scale = Some(b.create_vector(&vec![1f32; long]));
    let args = QuantizationParametersArgs { scale, ..Default::default() };
    let quantization = Some(QuantizationParameters::create(&mut b, &args));
    let shape = Some(b.create_vector(&[long as i32]));
    let args = TensorArgs { shape, quantization, type_: TensorType::INT8, ..Default::default() };
    let tensor = Tensor::create(&mut b, &args);
    let tensors = repeat(&mut b, tensor, many);
    file(b, tensors, None, None, 1)
}

/// `many` tensors with one list of `long` variants.
fn variants(many: usize, long: usize) -> Vec<u8> {
    let mut b = Builder::new();
    let variant = VariantSubType::create(&mut b, &VariantSubTypeArgs::default());
    let variant_tensors = repeat(&mut b, variant, long);
    let tensor = Tensor::create(&mut b, &TensorArgs { variant_tensors, ..Default::default() });
    let tensors = repeat(&mut b, tensor, many);
    file(b, tensors, None, None, 1)
}

/// `many` tensors with one list of `long` sparse dimensions.
fn dimensions(many: usize, long: usize) -> Vec<u8> {
    let mut b = Builder::new();
    let dimension = DimensionMetadata::create(&mut b, &DimensionMetadataArgs::default());
    let dim_metadata = repeat(&mut b, dimension, long);
    let args = SparsityParametersArgs { dim_metadata, ..Default::default() };
    let sparsity = Some(SparsityParameters::create(&mut b, &args));
    let tensor = Tensor::create(&mut b, &TensorArgs { sparsity, ..Default::default() });
    let tensors = repeat(&mut b, tensor, many);
    file(b, tensors, None, None, 1)
}

/// `many` signatures with one list of `long` inputs.
fn signatures(many: usize, long: usize) -> Vec<u8> {
    let mut b = Builder::new();
    let tensors = plain(&mut b);
    let map = TensorMap::create(&mut b, &TensorMapArgs::default());
    let inputs = repeat(&mut b, map, long);
    let signature = SignatureDef::create(&mut b, &SignatureDefArgs { inputs, ..Default::default() });
    let signatures = repeat(&mut b, signature, many);
    file(b, tensors, None, signatures, 1)
}

/// `many` subgraphs with one list of `long` tensors.
fn subgraphs(many: usize, long: usize) -> Vec<u8> {
    let mut b = Builder::new();
    let tensor = Tensor::create(&mut b, &TensorArgs::default());
    let tensors = repeat(&mut b, tensor, long);
    file(b, tensors, None, None, many)
}

/// `many` subgraphs with one list of `many` tensors with one list of `long` variants.
fn three_deep(many: usize, long: usize) -> Vec<u8> {
    let mut b = Builder::new();
    let variant = VariantSubType::create(&mut b, &VariantSubTypeArgs::default());
    let variant_tensors = repeat(&mut b, variant, long);
    let tensor = Tensor::create(&mut b, &TensorArgs { variant_tensors, ..Default::default() });
    let tensors = repeat(&mut b, tensor, many);
    file(b, tensors, None, None, many)
}

/// Makes a file from two lengths, the number of those that share and the length of what they share.
type Make = fn(usize, usize) -> Vec<u8>;

/// Every way to share, and the bytes that following `many * long` references reads at least: a list
/// of numbers has 4 for each, a list of tables has the reference and a table of 4.
const CASES: [(&str, Make, usize); 8] = [
    ("inputs", inputs, 4),
    ("intermediates", intermediates, 4),
    ("scales", scales, 4),
    ("variants", variants, 8),
    ("dimensions", dimensions, 8),
    ("signatures", signatures, 8),
    ("subgraphs", subgraphs, 8),
    ("three deep", three_deep, 8),
];

/// A check reads each byte eight times at most.
const READS_PER_BYTE: usize = 8;

#[test]
fn sharing_is_refused_where_it_multiplies_the_work() {
    for (name, make, bytes) in CASES {
        for many in [2, 10, 100, 1000] {
            for long in [1, 2, 10, 100, 1000, 10_000] {
                let file = make(many, long);
                let depth = if name == "three deep" { many } else { 1 };
                let naive = bytes * many * long * depth;
                if naive > READS_PER_BYTE * file.len() {
                    let verdict = Model::check(&file).map(|_| ()).map_err(|e| e.fault);
                    assert_eq!(verdict, Err(Fault::Overlapping), "{name}, {many} times {long}");
                }
            }
        }
    }
}

#[test]
fn modest_sharing_is_allowed() {
    for (name, make, _) in CASES {
        for (many, long) in [(1, 1), (2, 1), (1, 1000), (2, 50)] {
            let file = make(many, long);
            assert!(Model::check(&file).is_ok(), "{name}, {many} times {long}");
        }
    }
}

/// What a check does not look into may be shared without limit: the constants, names and lists that
/// are only handed on.
#[test]
fn what_is_not_read_may_be_shared() {
    let mut b = Builder::new();
    let name = Some(b.create_string(&"n".repeat(100_000)));
    let list = b.create_vector(&vec![-7i32; 20_000]);
    let args = TensorArgs { name, shape_signature: Some(list), ..Default::default() };
    let tensor = Tensor::create(&mut b, &args);
    let tensors = repeat(&mut b, tensor, 20_000);
    let custom_options = Some(b.create_vector(&vec![1u8; 100_000]));
    let operator = Operator::create(&mut b, &OperatorArgs { custom_options, ..Default::default() });
    let operators = repeat(&mut b, operator, 20_000);
    let file = file(b, tensors, operators, None, 1);
    assert_eq!(Model::check(&file).unwrap().main().tensors().len(), 20_000);
}

/// A list of options that is too long is refused by its length, whoever shares it.
#[test]
fn long_options_are_refused_by_their_length() {
    let mut b = Builder::new();
    let tensors = plain(&mut b);
    let new_shape = Some(b.create_vector(&vec![1i32; 10_000]));
    let options = ReshapeOptions::create(&mut b, &ReshapeOptionsArgs { new_shape });
    let args = OperatorArgs {
        builtin_options_type: BuiltinOptions::ReshapeOptions,
        builtin_options: Some(options.as_union_value()),
        ..Default::default()
    };
    let operator = Operator::create(&mut b, &args);
    let operators = repeat(&mut b, operator, 10_000);
    let file = file(b, tensors, operators, None, 1);
    assert_eq!(Model::check(&file).unwrap_err().fault, Fault::ListLength(10_000));
}
