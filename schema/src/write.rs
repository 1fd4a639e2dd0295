//! Models to bytes.

use std::vec::Vec;

use flatbuffers::{FlatBufferBuilder, WIPOffset};

use crate::generated::{
    Buffer, BufferArgs, BufferT, BuiltinOptions, BuiltinOptions2, BuiltinOptions2T, BuiltinOptionsT, Model,
    ModelArgs, ModelT, Operator, OperatorArgs, finish_model_buffer,
};
use crate::op::Op;

/// Every buffer's data starts at a multiple of this from the file's start.
pub const DATA_ALIGNMENT: usize = 16;

/// The bytes of a model file.
///
/// [`ModelT::pack`] does nearly the same, but it leaves out the alignment that the schema asks for: it puts a
/// buffer's data at any multiple of 4.
///
/// # Panics
///
/// If the file would be larger than a FlatBuffer can be, 2 GB.
pub fn to_bytes(model: &ModelT) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let fbb = &mut builder;

    /// A vector of tables, each packed in the way its type has, or in the way named.
    macro_rules! tables {
        ($field:ident) => {
            tables!($field, |table, fbb| table.pack(fbb))
        };
        ($field:ident, |$table:ident, $fbb:ident| $pack:expr) => {
            model.$field.as_ref().map(|tables| {
                let offsets: Vec<_> = tables
                    .iter()
                    .map(|$table| {
                        let $fbb = &mut *fbb;
                        $pack
                    })
                    .collect();
                fbb.create_vector(&offsets)
            })
        };
    }

    let args = ModelArgs {
        version: model.version,
        // First, so that the large data is at the file's end and the rest of it close together.
        buffers: tables!(buffers, |buffer, fbb| pack_buffer(buffer, fbb)),
        operator_codes: tables!(operator_codes),
        subgraphs: tables!(subgraphs),
        description: model.description.as_ref().map(|text| fbb.create_string(text)),
        metadata_buffer: model.metadata_buffer.as_ref().map(|indices| fbb.create_vector(indices)),
        metadata: tables!(metadata),
        signature_defs: tables!(signature_defs),
        external_buffer_groups: tables!(external_buffer_groups),
        external_buffers: tables!(external_buffers),
    };
    let root = Model::create(fbb, &args);

    // Positions count from the end while the file is being written; they are aligned from the start too if its
    // length is a multiple of the alignment. The root's offset and the identifier, 8 bytes, are still to come.
    pad(fbb, 8);
    finish_model_buffer(fbb, root);
    builder.finished_data().to_vec()
}

fn pack_buffer<'fbb>(buffer: &BufferT, fbb: &mut FlatBufferBuilder<'fbb>) -> WIPOffset<Buffer<'fbb>> {
    let data = buffer.data.as_ref().map(|data| {
        pad(fbb, data.len());
        fbb.create_vector(data)
    });
    Buffer::create(fbb, &BufferArgs { data, offset: buffer.offset, size: buffer.size })
}

/// The options of an operator, as [`OperatorT`](crate::generated::OperatorT) holds them.
pub fn options(op: &Op) -> (BuiltinOptionsT, BuiltinOptions2T) {
    // The operator's own code writes the table; the generated code reads it back into its own form.
    let mut builder = FlatBufferBuilder::new();
    let table = WIPOffset::new(op.write(&mut builder).value());
    let (first, second) = op.options();
    let args = OperatorArgs {
        builtin_options_type: BuiltinOptions(first),
        builtin_options: (first != 0).then_some(table),
        builtin_options_2_type: BuiltinOptions2(second),
        builtin_options_2: (second != 0).then_some(table),
        ..OperatorArgs::default()
    };
    let operator = Operator::create(&mut builder, &args);
    builder.finish_minimal(operator);
    match flatbuffers::root::<Operator<'_>>(builder.finished_data()) {
        Ok(operator) => {
            let operator = operator.unpack();
            (operator.builtin_options, operator.builtin_options_2)
        }
        Err(_) => (BuiltinOptionsT::NONE, BuiltinOptions2T::NONE),
    }
}

/// Puts zeros in front of what is written so far until the next `len` bytes would begin aligned.
fn pad(fbb: &mut FlatBufferBuilder<'_>, len: usize) {
    while !(fbb.unfinished_data().len() + len).is_multiple_of(DATA_ALIGNMENT) {
        fbb.push(0u8);
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::vec;

    use super::*;
    use crate::generated::{
        AddOptionsT, BuiltinOperator, BuiltinOptionsT, MetadataT, OperatorCodeT, OperatorT,
        QuantizationDetailsT, QuantizationParametersT, SignatureDefT, SubGraphT, TensorMapT, TensorT,
        TensorType, root_as_model,
    };

    fn model() -> ModelT {
        let tensor = |name: &str, buffer| TensorT {
            shape: Some(vec![1, 3]),
            type_: TensorType::INT8,
            buffer,
            name: Some(name.into()),
            quantization: Some(Box::new(QuantizationParametersT {
                min: None,
                max: None,
                scale: Some(vec![0.5]),
                zero_point: Some(vec![-3]),
                details: QuantizationDetailsT::NONE,
                quantized_dimension: 0,
            })),
            ..TensorT::default()
        };
        let add = OperatorT {
            inputs: Some(vec![0, 1]),
            outputs: Some(vec![2]),
            builtin_options: BuiltinOptionsT::AddOptions(Box::default()),
            ..OperatorT::default()
        };
        let buffers = [None, Some(vec![1; 3]), Some(vec![2; 16]), Some(vec![3; 33]), Some(vec![])];
        ModelT {
            version: 3,
            operator_codes: Some(vec![OperatorCodeT {
                builtin_code: BuiltinOperator::ADD,
                ..Default::default()
            }]),
            subgraphs: Some(vec![SubGraphT {
                tensors: Some(vec![tensor("a", 0), tensor("b", 1), tensor("sum", 0)]),
                inputs: Some(vec![0]),
                outputs: Some(vec![2]),
                operators: Some(vec![add]),
                name: Some("main".into()),
                ..SubGraphT::default()
            }]),
            description: Some("test".into()),
            buffers: Some(buffers.map(|data| BufferT { data, ..BufferT::default() }).into()),
            metadata: Some(vec![MetadataT { name: Some("note".into()), buffer: 3 }]),
            signature_defs: Some(vec![SignatureDefT {
                inputs: Some(vec![TensorMapT { name: Some("x".into()), tensor_index: 0 }]),
                outputs: Some(vec![TensorMapT { name: Some("y".into()), tensor_index: 2 }]),
                signature_key: Some("serving_default".into()),
                subgraph_index: 0,
            }]),
            ..ModelT::default()
        }
    }

    #[test]
    fn reads_back_as_written() {
        let model = model();
        let bytes = to_bytes(&model);
        assert_eq!(&bytes[4..8], b"TFL3");
        assert_eq!(root_as_model(&bytes).unwrap().unpack(), model);
    }

    #[test]
    fn data_is_aligned_whatever_precedes_it() {
        for extra in 0..32 {
            let mut model = model();
            model.description = Some("d".repeat(extra));
            model
                .buffers
                .as_mut()
                .unwrap()
                .push(BufferT { data: Some(vec![4; extra]), ..BufferT::default() });
            let bytes = to_bytes(&model);
            let buffers = root_as_model(&bytes).unwrap().buffers().unwrap();
            assert_eq!(buffers.len(), 6);
            for data in buffers.iter().filter_map(|buffer| buffer.data()) {
                let start = data.bytes().as_ptr() as usize - bytes.as_ptr() as usize;
                assert_eq!(start % DATA_ALIGNMENT, 0, "extra {extra}");
            }
        }
    }

    #[test]
    fn options_keep_their_parameters() {
        use crate::op::{Activation, Conv2d, IntList, Padding, Reshape};
        let op = Conv2d {
            padding: Padding::Valid,
            stride_w: 2,
            activation: Activation::Relu6,
            dilation_h: 3,
            ..Conv2d::default()
        };
        let BuiltinOptionsT::Conv2DOptions(t) = options(&op.into()).0 else { panic!("other options") };
        assert_eq!((t.padding.0, t.stride_w, t.stride_h), (1, 2, 0));
        assert_eq!((t.fused_activation_function.0, t.dilation_w_factor, t.dilation_h_factor), (3, 1, 3));
        let op = Reshape { new_shape: IntList::new(&[2, -1]).unwrap() };
        let BuiltinOptionsT::ReshapeOptions(t) = options(&op.into()).0 else { panic!("other options") };
        assert_eq!(t.new_shape, Some(vec![2, -1]));
    }

    #[test]
    fn defaults_are_the_formats() {
        assert!(AddOptionsT::default().pot_scale_int16);
        assert_eq!(OperatorCodeT::default().version, 1);
        assert_eq!(OperatorT::default().debug_metadata_index, -1);
    }
}
