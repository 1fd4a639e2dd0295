//! The operators' parameters beside the official tables of options.

use sedge_schema::generated::Operator;
use sedge_schema::op::Op;

/// Panics where `op`, which Sedge read, differs from the operator's official options. Where there
/// is no table of options both readers have the schema's defaults.
pub(super) fn agree(op: &Op, operator: &Operator<'_>) {
    /// The operator's own table of options, unpacked.
    macro_rules! table {
        ($accessor:ident) => {
            operator.$accessor().map(|table| table.unpack()).unwrap_or_default()
        };
    }
    match *op {
        Op::If(op) => {
            let t = table!(builtin_options_as_if_options);
            assert_eq!(op.then_subgraph, t.then_subgraph_index);
            assert_eq!(op.else_subgraph, t.else_subgraph_index);
        }
        Op::While(op) => {
            let t = table!(builtin_options_as_while_options);
            assert_eq!(op.cond_subgraph, t.cond_subgraph_index);
            assert_eq!(op.body_subgraph, t.body_subgraph_index);
        }
        Op::StablehloComposite(op) => {
            let t = table!(builtin_options_2_as_stable_hlocomposite_options);
            assert_eq!(op.decomposition_subgraph, t.decomposition_subgraph_index);
        }
        Op::CallOnce(op) => {
            let t = table!(builtin_options_as_call_once_options);
            assert_eq!(op.init_subgraph, t.init_subgraph_index);
        }
        // The names of a variable are no parameters; they are compared beside these.
        Op::VarHandle(_) | Op::ReadVariable(_) | Op::AssignVariable(_) => {}
        Op::Add(op) => {
            let t = table!(builtin_options_as_add_options);
            assert_eq!(op.activation as i8, t.fused_activation_function.0);
            assert_eq!(op.pot_scale_int16, t.pot_scale_int16);
        }
        Op::Sub(op) => {
            let t = table!(builtin_options_as_sub_options);
            assert_eq!(op.activation as i8, t.fused_activation_function.0);
            assert_eq!(op.pot_scale_int16, t.pot_scale_int16);
        }
        Op::Mul(op) => {
            let t = table!(builtin_options_as_mul_options);
            assert_eq!(op.activation as i8, t.fused_activation_function.0);
        }
        Op::AveragePool2d(op) => {
            let t = table!(builtin_options_as_pool_2_doptions);
            assert_eq!((op.padding as i8, op.stride_w, op.stride_h), (t.padding.0, t.stride_w, t.stride_h));
            assert_eq!((op.filter_width, op.filter_height), (t.filter_width, t.filter_height));
            assert_eq!(op.activation as i8, t.fused_activation_function.0);
        }
        Op::MaxPool2d(op) => {
            let t = table!(builtin_options_as_pool_2_doptions);
            assert_eq!((op.padding as i8, op.stride_w, op.stride_h), (t.padding.0, t.stride_w, t.stride_h));
            assert_eq!((op.filter_width, op.filter_height), (t.filter_width, t.filter_height));
            assert_eq!(op.activation as i8, t.fused_activation_function.0);
        }
        Op::Concatenation(op) => {
            let t = table!(builtin_options_as_concatenation_options);
            assert_eq!((op.axis, op.activation as i8), (t.axis, t.fused_activation_function.0));
        }
        Op::Conv2d(op) => {
            let t = table!(builtin_options_as_conv_2_doptions);
            assert_eq!((op.padding as i8, op.stride_w, op.stride_h), (t.padding.0, t.stride_w, t.stride_h));
            assert_eq!((op.dilation_w, op.dilation_h), (t.dilation_w_factor, t.dilation_h_factor));
            assert_eq!(op.activation as i8, t.fused_activation_function.0);
            assert_eq!(op.quantized_bias_type.code(), t.quantized_bias_type.0);
        }
        Op::DepthwiseConv2d(op) => {
            let t = table!(builtin_options_as_depthwise_conv_2_doptions);
            assert_eq!((op.padding as i8, op.stride_w, op.stride_h), (t.padding.0, t.stride_w, t.stride_h));
            assert_eq!((op.dilation_w, op.dilation_h), (t.dilation_w_factor, t.dilation_h_factor));
            assert_eq!(op.activation as i8, t.fused_activation_function.0);
            assert_eq!(op.depth_multiplier, t.depth_multiplier);
        }
        Op::FullyConnected(op) => {
            let t = table!(builtin_options_as_fully_connected_options);
            assert_eq!(op.activation as i8, t.fused_activation_function.0);
            assert_eq!(op.weights_format as i8, t.weights_format.0);
            assert_eq!(op.keep_num_dims, t.keep_num_dims);
            assert_eq!(op.asymmetric_quantize_inputs, t.asymmetric_quantize_inputs);
            assert_eq!(op.quantized_bias_type.code(), t.quantized_bias_type.0);
        }
        Op::Mean(op) => {
            let t = table!(builtin_options_as_reducer_options);
            assert_eq!(op.keep_dims, t.keep_dims);
        }
        Op::Reshape(op) => {
            let t = table!(builtin_options_as_reshape_options);
            assert_eq!(op.new_shape.as_slice(), t.new_shape.unwrap_or_default());
        }
        Op::Softmax(op) => {
            let t = table!(builtin_options_as_softmax_options);
            assert_eq!(op.beta.to_bits(), t.beta.to_bits());
        }
        Op::Sum(op) => {
            let t = table!(builtin_options_as_reducer_options);
            assert_eq!(op.keep_dims, t.keep_dims);
        }
        Op::ReduceMax(op) => {
            let t = table!(builtin_options_as_reducer_options);
            assert_eq!(op.keep_dims, t.keep_dims);
        }
        Op::ReduceMin(op) => {
            let t = table!(builtin_options_as_reducer_options);
            assert_eq!(op.keep_dims, t.keep_dims);
        }
        Op::LeakyRelu(op) => {
            let t = table!(builtin_options_as_leaky_relu_options);
            assert_eq!(op.alpha.to_bits(), t.alpha.to_bits());
        }
        Op::Cast(op) => {
            let t = table!(builtin_options_as_cast_options);
            assert_eq!(op.in_data_type.code(), t.in_data_type.0);
            assert_eq!(op.out_data_type.code(), t.out_data_type.0);
        }
        Op::Gather(op) => {
            let t = table!(builtin_options_as_gather_options);
            assert_eq!((op.axis, op.batch_dims), (t.axis, t.batch_dims));
        }
        Op::Pack(op) => {
            let t = table!(builtin_options_as_pack_options);
            assert_eq!((op.values_count, op.axis), (t.values_count, t.axis));
        }
        Op::Unpack(op) => {
            let t = table!(builtin_options_as_unpack_options);
            assert_eq!((op.num, op.axis), (t.num, t.axis));
        }
        Op::ResizeBilinear(op) => {
            let t = table!(builtin_options_as_resize_bilinear_options);
            assert_eq!((op.align_corners, op.half_pixel_centers), (t.align_corners, t.half_pixel_centers));
        }
        Op::ResizeNearestNeighbor(op) => {
            let t = table!(builtin_options_as_resize_nearest_neighbor_options);
            assert_eq!((op.align_corners, op.half_pixel_centers), (t.align_corners, t.half_pixel_centers));
        }
        Op::ShapeOf(op) => {
            let t = table!(builtin_options_as_shape_options);
            assert_eq!(op.out_type.code(), t.out_type.0);
        }
        Op::Split(op) => {
            let t = table!(builtin_options_as_split_options);
            assert_eq!(op.num_splits, t.num_splits);
        }
        Op::SplitV(op) => {
            let t = table!(builtin_options_as_split_voptions);
            assert_eq!(op.num_splits, t.num_splits);
        }
        Op::Squeeze(op) => {
            let t = table!(builtin_options_as_squeeze_options);
            assert_eq!(op.squeeze_dims.as_slice(), t.squeeze_dims.unwrap_or_default());
        }
        Op::StridedSlice(op) => {
            let t = table!(builtin_options_as_strided_slice_options);
            assert_eq!((op.begin_mask, op.end_mask), (t.begin_mask, t.end_mask));
            assert_eq!((op.ellipsis_mask, op.new_axis_mask), (t.ellipsis_mask, t.new_axis_mask));
            assert_eq!((op.shrink_axis_mask, op.offset), (t.shrink_axis_mask, t.offset));
        }
        Op::Svdf(op) => {
            let t = table!(builtin_options_as_svdfoptions);
            assert_eq!((op.rank, op.activation as i8), (t.rank, t.fused_activation_function.0));
            assert_eq!(op.asymmetric_quantize_inputs, t.asymmetric_quantize_inputs);
        }
        Op::Gelu(op) => {
            let t = table!(builtin_options_as_gelu_options);
            assert_eq!(op.approximate, t.approximate);
        }
        Op::Div(op) => {
            let t = table!(builtin_options_as_div_options);
            assert_eq!(op.activation as i8, t.fused_activation_function.0);
        }
        Op::TransposeConv(op) => {
            let t = table!(builtin_options_as_transpose_conv_options);
            assert_eq!((op.padding as i8, op.stride_w, op.stride_h), (t.padding.0, t.stride_w, t.stride_h));
            assert_eq!(op.activation as i8, t.fused_activation_function.0);
            assert_eq!(op.quantized_bias_type.code(), t.quantized_bias_type.0);
        }
        Op::BatchMatmul(op) => {
            let t = table!(builtin_options_as_batch_mat_mul_options);
            assert_eq!((op.adj_x, op.adj_y), (t.adj_x, t.adj_y));
            assert_eq!(op.asymmetric_quantize_inputs, t.asymmetric_quantize_inputs);
        }
        Op::Conv3d(op) => {
            let t = table!(builtin_options_as_conv_3_doptions);
            assert_eq!((op.padding as i8, op.activation as i8), (t.padding.0, t.fused_activation_function.0));
            assert_eq!((op.stride_d, op.stride_w, op.stride_h), (t.stride_d, t.stride_w, t.stride_h));
            let dilations = (t.dilation_d_factor, t.dilation_w_factor, t.dilation_h_factor);
            assert_eq!((op.dilation_d, op.dilation_w, op.dilation_h), dilations);
        }
        Op::Conv3dTranspose(op) => {
            let t = table!(builtin_options_as_conv_3_doptions);
            assert_eq!((op.padding as i8, op.activation as i8), (t.padding.0, t.fused_activation_function.0));
            assert_eq!((op.stride_d, op.stride_w, op.stride_h), (t.stride_d, t.stride_w, t.stride_h));
            let dilations = (t.dilation_d_factor, t.dilation_w_factor, t.dilation_h_factor);
            assert_eq!((op.dilation_d, op.dilation_w, op.dilation_h), dilations);
        }
        Op::Lstm(op) => {
            let t = table!(builtin_options_as_lstmoptions);
            assert_eq!(
                (op.activation as i8, op.kernel as i8),
                (t.fused_activation_function.0, t.kernel_type.0)
            );
            assert_eq!(op.cell_clip.to_bits(), t.cell_clip.to_bits());
            assert_eq!(op.projection_clip.to_bits(), t.proj_clip.to_bits());
            assert_eq!(op.asymmetric_quantize_inputs, t.asymmetric_quantize_inputs);
        }
        Op::UnidirectionalSequenceLstm(op) => {
            let t = table!(builtin_options_as_unidirectional_sequence_lstmoptions);
            assert_eq!((op.activation as i8, op.time_major), (t.fused_activation_function.0, t.time_major));
            assert_eq!(op.cell_clip.to_bits(), t.cell_clip.to_bits());
            assert_eq!(op.projection_clip.to_bits(), t.proj_clip.to_bits());
            assert_eq!(op.asymmetric_quantize_inputs, t.asymmetric_quantize_inputs);
            assert_eq!(op.diagonal_recurrent_tensors, t.diagonal_recurrent_tensors);
        }
        Op::BidirectionalSequenceLstm(op) => {
            let t = table!(builtin_options_as_bidirectional_sequence_lstmoptions);
            assert_eq!((op.activation as i8, op.time_major), (t.fused_activation_function.0, t.time_major));
            assert_eq!(op.cell_clip.to_bits(), t.cell_clip.to_bits());
            assert_eq!(op.projection_clip.to_bits(), t.proj_clip.to_bits());
            assert_eq!(op.asymmetric_quantize_inputs, t.asymmetric_quantize_inputs);
            assert_eq!(op.merge_outputs, t.merge_outputs);
        }
        Op::Rnn(op) => {
            let t = table!(builtin_options_as_rnnoptions);
            assert_eq!(op.activation as i8, t.fused_activation_function.0);
            assert_eq!(op.asymmetric_quantize_inputs, t.asymmetric_quantize_inputs);
        }
        Op::UnidirectionalSequenceRnn(op) => {
            let t = table!(builtin_options_as_sequence_rnnoptions);
            assert_eq!((op.activation as i8, op.time_major), (t.fused_activation_function.0, t.time_major));
            assert_eq!(op.asymmetric_quantize_inputs, t.asymmetric_quantize_inputs);
        }
        Op::BidirectionalSequenceRnn(op) => {
            let t = table!(builtin_options_as_bidirectional_sequence_rnnoptions);
            assert_eq!((op.activation as i8, op.time_major), (t.fused_activation_function.0, t.time_major));
            assert_eq!(
                (op.merge_outputs, op.asymmetric_quantize_inputs),
                (t.merge_outputs, t.asymmetric_quantize_inputs)
            );
        }
        Op::ArgMax(op) => {
            let t = table!(builtin_options_as_arg_max_options);
            assert_eq!(op.output_type.code(), t.output_type.0);
        }
        Op::ArgMin(op) => {
            let t = table!(builtin_options_as_arg_min_options);
            assert_eq!(op.output_type.code(), t.output_type.0);
        }
        Op::Bucketize(op) => {
            let t = table!(builtin_options_as_bucketize_options);
            let bits = |list: &[f32]| list.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(op.boundaries.as_slice()), bits(&t.boundaries.unwrap_or_default()));
        }
        Op::Cumsum(op) => {
            let t = table!(builtin_options_as_cumsum_options);
            assert_eq!((op.exclusive, op.reverse), (t.exclusive, t.reverse));
        }
        Op::FakeQuant(op) => {
            let t = table!(builtin_options_as_fake_quant_options);
            assert_eq!((op.min.to_bits(), op.max.to_bits()), (t.min.to_bits(), t.max.to_bits()));
            assert_eq!((op.num_bits, op.narrow_range), (t.num_bits, t.narrow_range));
        }
        Op::L2Normalization(op) => {
            let t = table!(builtin_options_as_l2_norm_options);
            assert_eq!(op.activation as i8, t.fused_activation_function.0);
        }
        Op::L2Pool2d(op) => {
            let t = table!(builtin_options_as_pool_2_doptions);
            assert_eq!((op.padding as i8, op.stride_w, op.stride_h), (t.padding.0, t.stride_w, t.stride_h));
            assert_eq!((op.filter_width, op.filter_height), (t.filter_width, t.filter_height));
            assert_eq!(op.activation as i8, t.fused_activation_function.0);
        }
        Op::LocalResponseNormalization(op) => {
            let t = table!(builtin_options_as_local_response_normalization_options);
            assert_eq!((op.radius, op.bias.to_bits()), (t.radius, t.bias.to_bits()));
            assert_eq!((op.alpha.to_bits(), op.beta.to_bits()), (t.alpha.to_bits(), t.beta.to_bits()));
        }
        Op::ReduceAll(op) => {
            let t = table!(builtin_options_as_reducer_options);
            assert_eq!(op.keep_dims, t.keep_dims);
        }
        Op::ReduceAny(op) => {
            let t = table!(builtin_options_as_reducer_options);
            assert_eq!(op.keep_dims, t.keep_dims);
        }
        Op::ReduceProd(op) => {
            let t = table!(builtin_options_as_reducer_options);
            assert_eq!(op.keep_dims, t.keep_dims);
        }
        Op::MirrorPad(op) => {
            let t = table!(builtin_options_as_mirror_pad_options);
            assert_eq!(op.mode as i8, t.mode.0);
        }
        Op::SpaceToDepth(op) => {
            let t = table!(builtin_options_as_space_to_depth_options);
            assert_eq!(op.block_size, t.block_size);
        }
        Op::DepthToSpace(op) => {
            let t = table!(builtin_options_as_depth_to_space_options);
            assert_eq!(op.block_size, t.block_size);
        }
        Op::OneHot(op) => {
            let t = table!(builtin_options_as_one_hot_options);
            assert_eq!(op.axis, t.axis);
        }
        Op::ReduceWindow(op) => {
            let t = table!(builtin_options_2_as_reduce_window_options);
            assert_eq!(op.reduce_function as i32, t.reduce_function.0);
        }
        Op::ReverseSequence(op) => {
            let t = table!(builtin_options_as_reverse_sequence_options);
            assert_eq!((op.seq_dim, op.batch_dim), (t.seq_dim, t.batch_dim));
        }
        Op::SparseToDense(op) => {
            let t = table!(builtin_options_as_sparse_to_dense_options);
            assert_eq!(op.validate_indices, t.validate_indices);
        }
        Op::Unique(op) => {
            let t = table!(builtin_options_as_unique_options);
            assert_eq!(op.idx_out_type.code(), t.idx_out_type.0);
        }
        // These have no parameters.
        Op::Dequantize(_)
        | Op::ExpandDims(_)
        | Op::Fill(_)
        | Op::HardSwish(_)
        | Op::Logistic(_)
        | Op::Maximum(_)
        | Op::Minimum(_)
        | Op::Pad(_)
        | Op::PadV2(_)
        | Op::Quantize(_)
        | Op::Relu(_)
        | Op::Relu6(_)
        | Op::Relu0To1(_)
        | Op::ReluN1To1(_)
        | Op::Slice(_)
        | Op::Tanh(_)
        | Op::Transpose(_)
        | Op::Abs(_)
        | Op::Ceil(_)
        | Op::Floor(_)
        | Op::Round(_)
        | Op::Cos(_)
        | Op::Sin(_)
        | Op::Exp(_)
        | Op::Log(_)
        | Op::Sqrt(_)
        | Op::Rsqrt(_)
        | Op::Square(_)
        | Op::Sign(_)
        | Op::Neg(_)
        | Op::Elu(_)
        | Op::LogicalNot(_)
        | Op::ZerosLike(_)
        | Op::Equal(_)
        | Op::NotEqual(_)
        | Op::Greater(_)
        | Op::GreaterEqual(_)
        | Op::Less(_)
        | Op::LessEqual(_)
        | Op::LogicalAnd(_)
        | Op::LogicalOr(_)
        | Op::BitwiseXor(_)
        | Op::RightShift(_)
        | Op::Atan2(_)
        | Op::Pow(_)
        | Op::FloorDiv(_)
        | Op::FloorMod(_)
        | Op::SquaredDifference(_)
        | Op::AddN(_)
        | Op::Bitcast(_)
        | Op::ComplexAbs(_)
        | Op::Imag(_)
        | Op::LogSoftmax(_)
        | Op::Real(_)
        | Op::Rfft2d(_)
        | Op::SegmentSum(_)
        | Op::Select(_)
        | Op::SelectV2(_)
        | Op::UnsortedSegmentMax(_)
        | Op::UnsortedSegmentMin(_)
        | Op::UnsortedSegmentProd(_)
        | Op::UnsortedSegmentSum(_)
        | Op::BatchToSpaceNd(_)
        | Op::BroadcastTo(_)
        | Op::DynamicUpdateSlice(_)
        | Op::EmbeddingLookup(_)
        | Op::GatherNd(_)
        | Op::Range(_)
        | Op::Rank(_)
        | Op::ReverseV2(_)
        | Op::ScatterNd(_)
        | Op::SpaceToBatchNd(_)
        | Op::Tile(_)
        | Op::TopkV2(_)
        | Op::BroadcastArgs(_)
        | Op::Dilate(_)
        | Op::HashtableLookup(_)
        | Op::MatrixDiag(_)
        | Op::MatrixSetDiag(_)
        | Op::NonMaxSuppressionV4(_)
        | Op::NonMaxSuppressionV5(_)
        | Op::Where(_)
        | Op::Prelu(_) => (),
    }
}
