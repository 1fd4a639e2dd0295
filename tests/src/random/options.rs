//! Options of any operator: the table that is its own, filled at random.

use sedge_schema::generated::*;

use crate::choices::Choices;

/// Options that belong to the operator; none for those without parameters.
pub(super) fn any(c: &mut Choices<'_>, code: BuiltinOperator) -> BuiltinOptionsT {
    let activation = ActivationFunctionType(c.below(6) as i8);
    let padding = c.one_of(&[Padding::SAME, Padding::VALID]);
    let bias = TensorType(c.one_of(sedge_schema::TensorType::ALL).code());
    match code {
        BuiltinOperator::ADD => BuiltinOptionsT::AddOptions(Box::new(table!(AddOptionsT {
            fused_activation_function: activation,
            pot_scale_int16: c.flag(),
        }))),
        BuiltinOperator::SUB => BuiltinOptionsT::SubOptions(Box::new(table!(SubOptionsT {
            fused_activation_function: activation,
            pot_scale_int16: c.flag(),
        }))),
        BuiltinOperator::MUL => BuiltinOptionsT::MulOptions(Box::new(table!(MulOptionsT {
            fused_activation_function: activation
        }))),
        BuiltinOperator::AVERAGE_POOL_2D | BuiltinOperator::L2_POOL_2D | BuiltinOperator::MAX_POOL_2D => {
            BuiltinOptionsT::Pool2DOptions(Box::new(table!(Pool2DOptionsT {
                padding,
                stride_w: c.int(),
                stride_h: c.int(),
                filter_width: c.int(),
                filter_height: c.int(),
                fused_activation_function: activation,
            })))
        }
        BuiltinOperator::CONCATENATION => {
            BuiltinOptionsT::ConcatenationOptions(Box::new(table!(ConcatenationOptionsT {
                axis: c.int(),
                fused_activation_function: activation,
            })))
        }
        BuiltinOperator::CONV_2D => BuiltinOptionsT::Conv2DOptions(Box::new(table!(Conv2DOptionsT {
            padding,
            stride_w: c.int(),
            stride_h: c.int(),
            fused_activation_function: activation,
            dilation_w_factor: c.int(),
            dilation_h_factor: c.int(),
            quantized_bias_type: bias,
        }))),
        BuiltinOperator::DEPTHWISE_CONV_2D => {
            BuiltinOptionsT::DepthwiseConv2DOptions(Box::new(table!(DepthwiseConv2DOptionsT {
                padding,
                stride_w: c.int(),
                stride_h: c.int(),
                depth_multiplier: c.int(),
                fused_activation_function: activation,
                dilation_w_factor: c.int(),
                dilation_h_factor: c.int(),
            })))
        }
        BuiltinOperator::FULLY_CONNECTED => {
            BuiltinOptionsT::FullyConnectedOptions(Box::new(table!(FullyConnectedOptionsT {
                fused_activation_function: activation,
                weights_format: FullyConnectedOptionsWeightsFormat(c.below(2) as i8),
                keep_num_dims: c.flag(),
                asymmetric_quantize_inputs: c.flag(),
                quantized_bias_type: bias,
            })))
        }
        BuiltinOperator::MEAN
        | BuiltinOperator::SUM
        | BuiltinOperator::REDUCE_ALL
        | BuiltinOperator::REDUCE_ANY
        | BuiltinOperator::REDUCE_MAX
        | BuiltinOperator::REDUCE_MIN
        | BuiltinOperator::REDUCE_PROD => {
            BuiltinOptionsT::ReducerOptions(Box::new(table!(ReducerOptionsT { keep_dims: c.flag() })))
        }
        BuiltinOperator::RESHAPE => BuiltinOptionsT::ReshapeOptions(Box::new(table!(ReshapeOptionsT {
            new_shape: c.maybe(|c| c.list(8, Choices::int)),
        }))),
        BuiltinOperator::SOFTMAX => {
            BuiltinOptionsT::SoftmaxOptions(Box::new(table!(SoftmaxOptionsT { beta: c.float() })))
        }
        BuiltinOperator::CAST => BuiltinOptionsT::CastOptions(Box::new(table!(CastOptionsT {
            in_data_type: bias,
            out_data_type: TensorType(c.one_of(sedge_schema::TensorType::ALL).code()),
        }))),
        BuiltinOperator::GATHER => BuiltinOptionsT::GatherOptions(Box::new(table!(GatherOptionsT {
            axis: c.int(),
            batch_dims: c.int(),
        }))),
        BuiltinOperator::IF => BuiltinOptionsT::IfOptions(Box::new(table!(IfOptionsT {
            then_subgraph_index: c.int(),
            else_subgraph_index: c.int(),
        }))),
        BuiltinOperator::WHILE => BuiltinOptionsT::WhileOptions(Box::new(table!(WhileOptionsT {
            cond_subgraph_index: c.int(),
            body_subgraph_index: c.int(),
        }))),
        BuiltinOperator::CALL_ONCE => BuiltinOptionsT::CallOnceOptions(Box::new(table!(CallOnceOptionsT {
            init_subgraph_index: c.int(),
        }))),
        BuiltinOperator::VAR_HANDLE => {
            BuiltinOptionsT::VarHandleOptions(Box::new(table!(VarHandleOptionsT {
                container: c.maybe(Choices::text),
                shared_name: c.maybe(Choices::text),
            })))
        }
        BuiltinOperator::READ_VARIABLE => BuiltinOptionsT::ReadVariableOptions(Box::default()),
        BuiltinOperator::ASSIGN_VARIABLE => BuiltinOptionsT::AssignVariableOptions(Box::default()),
        BuiltinOperator::PACK => BuiltinOptionsT::PackOptions(Box::new(table!(PackOptionsT {
            values_count: c.int(),
            axis: c.int(),
        }))),
        BuiltinOperator::UNPACK => {
            BuiltinOptionsT::UnpackOptions(Box::new(table!(UnpackOptionsT { num: c.int(), axis: c.int() })))
        }
        BuiltinOperator::SPLIT => {
            BuiltinOptionsT::SplitOptions(Box::new(table!(SplitOptionsT { num_splits: c.int() })))
        }
        BuiltinOperator::SPLIT_V => {
            BuiltinOptionsT::SplitVOptions(Box::new(table!(SplitVOptionsT { num_splits: c.int() })))
        }
        BuiltinOperator::SHAPE => {
            BuiltinOptionsT::ShapeOptions(Box::new(table!(ShapeOptionsT { out_type: bias })))
        }
        BuiltinOperator::SQUEEZE => BuiltinOptionsT::SqueezeOptions(Box::new(table!(SqueezeOptionsT {
            squeeze_dims: c.maybe(|c| c.list(8, Choices::int)),
        }))),
        BuiltinOperator::RESIZE_BILINEAR => {
            BuiltinOptionsT::ResizeBilinearOptions(Box::new(table!(ResizeBilinearOptionsT {
                align_corners: c.flag(),
                half_pixel_centers: c.flag(),
            })))
        }
        BuiltinOperator::RESIZE_NEAREST_NEIGHBOR => {
            BuiltinOptionsT::ResizeNearestNeighborOptions(Box::new(table!(ResizeNearestNeighborOptionsT {
                align_corners: c.flag(),
                half_pixel_centers: c.flag(),
            })))
        }
        BuiltinOperator::STRIDED_SLICE => {
            BuiltinOptionsT::StridedSliceOptions(Box::new(table!(StridedSliceOptionsT {
                begin_mask: c.int(),
                end_mask: c.int(),
                ellipsis_mask: c.int(),
                new_axis_mask: c.int(),
                shrink_axis_mask: c.int(),
                offset: c.flag(),
            })))
        }
        BuiltinOperator::SVDF => BuiltinOptionsT::SVDFOptions(Box::new(table!(SVDFOptionsT {
            rank: c.int(),
            fused_activation_function: activation,
            asymmetric_quantize_inputs: c.flag(),
        }))),
        BuiltinOperator::LEAKY_RELU => {
            BuiltinOptionsT::LeakyReluOptions(Box::new(table!(LeakyReluOptionsT { alpha: c.float() })))
        }
        BuiltinOperator::MAXIMUM | BuiltinOperator::MINIMUM => {
            BuiltinOptionsT::MaximumMinimumOptions(Box::default())
        }
        BuiltinOperator::ABS => BuiltinOptionsT::AbsOptions(Box::default()),
        BuiltinOperator::COS => BuiltinOptionsT::CosOptions(Box::default()),
        BuiltinOperator::EXP => BuiltinOptionsT::ExpOptions(Box::default()),
        BuiltinOperator::SQUARE => BuiltinOptionsT::SquareOptions(Box::default()),
        BuiltinOperator::SIGN => BuiltinOptionsT::SignOptions(Box::default()),
        BuiltinOperator::NEG => BuiltinOptionsT::NegOptions(Box::default()),
        BuiltinOperator::LOGICAL_NOT => BuiltinOptionsT::LogicalNotOptions(Box::default()),
        BuiltinOperator::ZEROS_LIKE => BuiltinOptionsT::ZerosLikeOptions(Box::default()),
        BuiltinOperator::EQUAL => BuiltinOptionsT::EqualOptions(Box::default()),
        BuiltinOperator::NOT_EQUAL => BuiltinOptionsT::NotEqualOptions(Box::default()),
        BuiltinOperator::GREATER => BuiltinOptionsT::GreaterOptions(Box::default()),
        BuiltinOperator::GREATER_EQUAL => BuiltinOptionsT::GreaterEqualOptions(Box::default()),
        BuiltinOperator::LESS => BuiltinOptionsT::LessOptions(Box::default()),
        BuiltinOperator::LESS_EQUAL => BuiltinOptionsT::LessEqualOptions(Box::default()),
        BuiltinOperator::LOGICAL_AND => BuiltinOptionsT::LogicalAndOptions(Box::default()),
        BuiltinOperator::LOGICAL_OR => BuiltinOptionsT::LogicalOrOptions(Box::default()),
        BuiltinOperator::BITWISE_XOR => BuiltinOptionsT::BitwiseXorOptions(Box::default()),
        BuiltinOperator::RIGHT_SHIFT => BuiltinOptionsT::RightShiftOptions(Box::default()),
        BuiltinOperator::ATAN2 => BuiltinOptionsT::ATan2Options(Box::default()),
        BuiltinOperator::POW => BuiltinOptionsT::PowOptions(Box::default()),
        BuiltinOperator::FLOOR_DIV => BuiltinOptionsT::FloorDivOptions(Box::default()),
        BuiltinOperator::FLOOR_MOD => BuiltinOptionsT::FloorModOptions(Box::default()),
        BuiltinOperator::SQUARED_DIFFERENCE => BuiltinOptionsT::SquaredDifferenceOptions(Box::default()),
        BuiltinOperator::GELU => {
            BuiltinOptionsT::GeluOptions(Box::new(table!(GeluOptionsT { approximate: c.flag() })))
        }
        BuiltinOperator::DIV => BuiltinOptionsT::DivOptions(Box::new(table!(DivOptionsT {
            fused_activation_function: activation
        }))),
        BuiltinOperator::ARG_MAX => {
            BuiltinOptionsT::ArgMaxOptions(Box::new(table!(ArgMaxOptionsT { output_type: bias })))
        }
        BuiltinOperator::ARG_MIN => {
            BuiltinOptionsT::ArgMinOptions(Box::new(table!(ArgMinOptionsT { output_type: bias })))
        }
        BuiltinOperator::BUCKETIZE => {
            BuiltinOptionsT::BucketizeOptions(Box::new(table!(BucketizeOptionsT {
                boundaries: c.maybe(|c| c.list(20, Choices::float)),
            })))
        }
        BuiltinOperator::CUMSUM => BuiltinOptionsT::CumsumOptions(Box::new(table!(CumsumOptionsT {
            exclusive: c.flag(),
            reverse: c.flag(),
        }))),
        BuiltinOperator::FAKE_QUANT => {
            BuiltinOptionsT::FakeQuantOptions(Box::new(table!(FakeQuantOptionsT {
                min: c.float(),
                max: c.float(),
                num_bits: c.int(),
                narrow_range: c.flag(),
            })))
        }
        BuiltinOperator::L2_NORMALIZATION => {
            BuiltinOptionsT::L2NormOptions(Box::new(table!(L2NormOptionsT {
                fused_activation_function: activation
            })))
        }
        BuiltinOperator::LOCAL_RESPONSE_NORMALIZATION => BuiltinOptionsT::LocalResponseNormalizationOptions(
            Box::new(table!(LocalResponseNormalizationOptionsT {
                radius: c.int(),
                bias: c.float(),
                alpha: c.float(),
                beta: c.float(),
            })),
        ),
        BuiltinOperator::ADD_N => BuiltinOptionsT::AddNOptions(Box::default()),
        BuiltinOperator::BITCAST => BuiltinOptionsT::BitcastOptions(Box::default()),
        BuiltinOperator::LOG_SOFTMAX => BuiltinOptionsT::LogSoftmaxOptions(Box::default()),
        BuiltinOperator::RFFT2D => BuiltinOptionsT::Rfft2dOptions(Box::default()),
        BuiltinOperator::SEGMENT_SUM => BuiltinOptionsT::SegmentSumOptions(Box::default()),
        BuiltinOperator::SELECT => BuiltinOptionsT::SelectOptions(Box::default()),
        BuiltinOperator::SELECT_V2 => BuiltinOptionsT::SelectV2Options(Box::default()),
        BuiltinOperator::UNSORTED_SEGMENT_MAX => BuiltinOptionsT::UnsortedSegmentMaxOptions(Box::default()),
        BuiltinOperator::UNSORTED_SEGMENT_MIN => BuiltinOptionsT::UnsortedSegmentMinOptions(Box::default()),
        BuiltinOperator::UNSORTED_SEGMENT_PROD => BuiltinOptionsT::UnsortedSegmentProdOptions(Box::default()),
        BuiltinOperator::UNSORTED_SEGMENT_SUM => BuiltinOptionsT::UnsortedSegmentSumOptions(Box::default()),
        BuiltinOperator::HARD_SWISH => BuiltinOptionsT::HardSwishOptions(Box::default()),
        BuiltinOperator::EXPAND_DIMS => BuiltinOptionsT::ExpandDimsOptions(Box::default()),
        BuiltinOperator::FILL => BuiltinOptionsT::FillOptions(Box::default()),
        BuiltinOperator::PADV2 => BuiltinOptionsT::PadV2Options(Box::default()),
        BuiltinOperator::SLICE => BuiltinOptionsT::SliceOptions(Box::default()),
        BuiltinOperator::PAD => BuiltinOptionsT::PadOptions(Box::default()),
        BuiltinOperator::TRANSPOSE => BuiltinOptionsT::TransposeOptions(Box::default()),
        BuiltinOperator::QUANTIZE => BuiltinOptionsT::QuantizeOptions(Box::default()),
        BuiltinOperator::DEQUANTIZE => BuiltinOptionsT::DequantizeOptions(Box::default()),
        BuiltinOperator::TRANSPOSE_CONV => {
            BuiltinOptionsT::TransposeConvOptions(Box::new(table!(TransposeConvOptionsT {
                padding,
                stride_w: c.int(),
                stride_h: c.int(),
                fused_activation_function: activation,
                quantized_bias_type: bias,
            })))
        }
        BuiltinOperator::BATCH_MATMUL => {
            BuiltinOptionsT::BatchMatMulOptions(Box::new(table!(BatchMatMulOptionsT {
                adj_x: c.flag(),
                adj_y: c.flag(),
                asymmetric_quantize_inputs: c.flag(),
            })))
        }
        BuiltinOperator::CONV_3D | BuiltinOperator::CONV_3D_TRANSPOSE => {
            BuiltinOptionsT::Conv3DOptions(Box::new(table!(Conv3DOptionsT {
                padding,
                stride_d: c.int(),
                stride_w: c.int(),
                stride_h: c.int(),
                fused_activation_function: activation,
                dilation_d_factor: c.int(),
                dilation_w_factor: c.int(),
                dilation_h_factor: c.int(),
            })))
        }
        BuiltinOperator::LSTM => BuiltinOptionsT::LSTMOptions(Box::new(table!(LSTMOptionsT {
            fused_activation_function: activation,
            cell_clip: c.float(),
            proj_clip: c.float(),
            kernel_type: LSTMKernelType(c.below(2) as i8),
            asymmetric_quantize_inputs: c.flag(),
        }))),
        BuiltinOperator::UNIDIRECTIONAL_SEQUENCE_LSTM => BuiltinOptionsT::UnidirectionalSequenceLSTMOptions(
            Box::new(table!(UnidirectionalSequenceLSTMOptionsT {
                fused_activation_function: activation,
                cell_clip: c.float(),
                proj_clip: c.float(),
                time_major: c.flag(),
                asymmetric_quantize_inputs: c.flag(),
                diagonal_recurrent_tensors: c.flag(),
            })),
        ),
        BuiltinOperator::BIDIRECTIONAL_SEQUENCE_LSTM => BuiltinOptionsT::BidirectionalSequenceLSTMOptions(
            Box::new(table!(BidirectionalSequenceLSTMOptionsT {
                fused_activation_function: activation,
                cell_clip: c.float(),
                proj_clip: c.float(),
                merge_outputs: c.flag(),
                time_major: c.flag(),
                asymmetric_quantize_inputs: c.flag(),
            })),
        ),
        BuiltinOperator::RNN => BuiltinOptionsT::RNNOptions(Box::new(table!(RNNOptionsT {
            fused_activation_function: activation,
            asymmetric_quantize_inputs: c.flag(),
        }))),
        BuiltinOperator::UNIDIRECTIONAL_SEQUENCE_RNN => {
            BuiltinOptionsT::SequenceRNNOptions(Box::new(table!(SequenceRNNOptionsT {
                time_major: c.flag(),
                fused_activation_function: activation,
                asymmetric_quantize_inputs: c.flag(),
            })))
        }
        BuiltinOperator::BIDIRECTIONAL_SEQUENCE_RNN => BuiltinOptionsT::BidirectionalSequenceRNNOptions(
            Box::new(table!(BidirectionalSequenceRNNOptionsT {
                time_major: c.flag(),
                fused_activation_function: activation,
                merge_outputs: c.flag(),
                asymmetric_quantize_inputs: c.flag(),
            })),
        ),
        BuiltinOperator::MIRROR_PAD => {
            BuiltinOptionsT::MirrorPadOptions(Box::new(table!(MirrorPadOptionsT {
                mode: c.one_of(&[MirrorPadMode::REFLECT, MirrorPadMode::SYMMETRIC]),
            })))
        }
        BuiltinOperator::SPACE_TO_DEPTH => {
            BuiltinOptionsT::SpaceToDepthOptions(Box::new(table!(SpaceToDepthOptionsT {
                block_size: c.int()
            })))
        }
        BuiltinOperator::DEPTH_TO_SPACE => {
            BuiltinOptionsT::DepthToSpaceOptions(Box::new(table!(DepthToSpaceOptionsT {
                block_size: c.int()
            })))
        }
        BuiltinOperator::ONE_HOT => {
            BuiltinOptionsT::OneHotOptions(Box::new(table!(OneHotOptionsT { axis: c.int() })))
        }
        BuiltinOperator::BATCH_TO_SPACE_ND => BuiltinOptionsT::BatchToSpaceNDOptions(Box::default()),
        BuiltinOperator::BROADCAST_TO => BuiltinOptionsT::BroadcastToOptions(Box::default()),
        BuiltinOperator::DYNAMIC_UPDATE_SLICE => BuiltinOptionsT::DynamicUpdateSliceOptions(Box::default()),
        BuiltinOperator::GATHER_ND => BuiltinOptionsT::GatherNdOptions(Box::default()),
        BuiltinOperator::RANGE => BuiltinOptionsT::RangeOptions(Box::default()),
        BuiltinOperator::RANK => BuiltinOptionsT::RankOptions(Box::default()),
        BuiltinOperator::REVERSE_V2 => BuiltinOptionsT::ReverseV2Options(Box::default()),
        BuiltinOperator::SCATTER_ND => BuiltinOptionsT::ScatterNdOptions(Box::default()),
        BuiltinOperator::SPACE_TO_BATCH_ND => BuiltinOptionsT::SpaceToBatchNDOptions(Box::default()),
        BuiltinOperator::TILE => BuiltinOptionsT::TileOptions(Box::default()),
        BuiltinOperator::TOPK_V2 => BuiltinOptionsT::TopKV2Options(Box::default()),
        BuiltinOperator::REVERSE_SEQUENCE => {
            BuiltinOptionsT::ReverseSequenceOptions(Box::new(table!(ReverseSequenceOptionsT {
                seq_dim: c.int(),
                batch_dim: c.int()
            })))
        }
        BuiltinOperator::SPARSE_TO_DENSE => {
            BuiltinOptionsT::SparseToDenseOptions(Box::new(table!(SparseToDenseOptionsT {
                validate_indices: c.flag()
            })))
        }
        BuiltinOperator::UNIQUE => {
            BuiltinOptionsT::UniqueOptions(Box::new(table!(UniqueOptionsT { idx_out_type: bias })))
        }
        BuiltinOperator::DILATE | BuiltinOperator::REDUCE_WINDOW | BuiltinOperator::STABLEHLO_COMPOSITE => {
            BuiltinOptionsT::NONE
        }
        BuiltinOperator::MATRIX_DIAG => BuiltinOptionsT::MatrixDiagOptions(Box::default()),
        BuiltinOperator::MATRIX_SET_DIAG => BuiltinOptionsT::MatrixSetDiagOptions(Box::default()),
        BuiltinOperator::NON_MAX_SUPPRESSION_V4 => {
            BuiltinOptionsT::NonMaxSuppressionV4Options(Box::default())
        }
        BuiltinOperator::NON_MAX_SUPPRESSION_V5 => {
            BuiltinOptionsT::NonMaxSuppressionV5Options(Box::default())
        }
        BuiltinOperator::WHERE => BuiltinOptionsT::WhereOptions(Box::default()),
        // Operators without parameters may have any table, as well as those without rules.
        _ => BuiltinOptionsT::LSTMOptions(Box::default()),
    }
}

/// Options of the second union that belong to the operator; none for those whose options are in the first.
pub(super) fn any_2(c: &mut Choices<'_>, code: BuiltinOperator) -> BuiltinOptions2T {
    match code {
        BuiltinOperator::REDUCE_WINDOW => {
            BuiltinOptions2T::ReduceWindowOptions(Box::new(table!(ReduceWindowOptionsT {
                reduce_function: ReduceWindowFunction(c.below(7) as i32),
            })))
        }
        BuiltinOperator::STABLEHLO_COMPOSITE => {
            BuiltinOptions2T::StableHLOCompositeOptions(Box::new(table!(StableHLOCompositeOptionsT {
                name: c.maybe(Choices::text),
                decomposition_subgraph_index: c.int(),
                version: c.int(),
            })))
        }
        code if code != BuiltinOperator::DILATE
            && sedge_schema::op::Op::CODES.iter().any(|known| known.code() as i32 == code.0) =>
        {
            BuiltinOptions2T::NONE
        }
        // Operators without rules may have any table.
        _ => BuiltinOptions2T::DilateOptions(Box::default()),
    }
}
