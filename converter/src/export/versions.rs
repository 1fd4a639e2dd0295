//! The one home of operator versions: which version of its definition an operator needs for its
//! types and parameters, and since which release of TFLite that version runs.
//!
//! Source: TFLite's published operator versions (`op_version.cc`, `runtime_version.cc`).

use std::fmt;

use sedge_schema::op::{Activation, Op};
use sedge_schema::{BuiltinOperator as Code, TensorType as T};

use crate::graph::{Graph, Node, Operation, Tensor};

/// A release of TFLite: major, minor, patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Release(u8, u8, u8);

impl Default for Release {
    /// The first one that reads the format's version 3.
    fn default() -> Self {
        Self(1, 5, 0)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// The version of the operator's definition that `node` needs.
pub fn op_version(graph: &Graph, node: &Node) -> i32 {
    let op = match &node.op {
        Operation::Known(op) => op,
        Operation::Raw(raw) => return raw.version,
    };
    let tensor = |i: usize| node.input(i).and_then(|id| graph.get(id));
    let kind = |i: usize| tensor(i).map(|t| t.tensor_type);
    // The tensor that the others are about: SPLIT and FILL have an index or a shape before it.
    let main = usize::from(matches!(op, Op::Split(_) | Op::Fill(_)));
    let data = kind(main).unwrap_or(T::Float32);
    let weights = kind(1);
    let rank = tensor(0).map_or(0, |t| t.shape.rank());
    let broadcasts = tensor(0).map(|t| t.shape) != tensor(1).map(|t| t.shape);
    match (op, data) {
        (Op::Conv2d(_), _) => conv_2d(data, weights, tensor(0), tensor(1)),
        (Op::DepthwiseConv2d(op), _) => {
            let dilated = (op.dilation_w, op.dilation_h) != (1, 1);
            depthwise_conv_2d(data, weights, tensor(1), dilated)
        }
        (Op::FullyConnected(op), _) => {
            let asymmetric = op.asymmetric_quantize_inputs;
            fully_connected(data, weights, tensor(1), node.inputs.len(), op.keep_num_dims, asymmetric)
        }
        (Op::Add(_), T::Int64) => 4,
        (Op::Add(op), T::Int16) => {
            if op.pot_scale_int16 {
                1
            } else {
                3
            }
        }
        (Op::Sub(op), T::Int16) if !op.pot_scale_int16 => 5,
        (Op::Sub(_), T::Int64) => 4,
        (Op::Sub(_), _) if broadcasts && rank.max(tensor(1).map_or(0, |t| t.shape.rank())) > 4 => 3,
        (Op::Mul(_), _) => mul(data, graph, node),
        (Op::Quantize(_), _) => {
            let output = node.outputs.first().and_then(|&id| graph.get(id));
            let per_channel =
                output.and_then(|t| t.quantization.as_ref()).is_some_and(|q| q.scales.len() > 1);
            match output.map(|t| t.tensor_type) {
                Some(T::Int4) => 4,
                _ if per_channel => 3,
                Some(T::Int16) => 2,
                _ => 1,
            }
        }
        (Op::Dequantize(_), T::Int4) => 6,
        (Op::Dequantize(_), T::Int16 | T::Float16) => 3,
        (Op::Dequantize(_), T::Int8) => {
            if is_per_channel(tensor(0)) {
                5
            } else {
                2
            }
        }
        (Op::Transpose(_), _) if rank > 6 => 8,
        (Op::Transpose(_), _) if rank > 5 => 6,
        (Op::Transpose(_), T::Int16) => 5,
        (Op::Transpose(_), _) if rank > 4 => 4,
        (Op::Transpose(_), T::Bool) => 3,
        (Op::Pad(_), T::Bool) => 5,
        (Op::Pad(_), _) if rank > 4 => 4,
        (Op::Relu(_) | Op::Unpack(_), T::UInt8) => 2,
        (Op::Cast(_), _) => {
            let output = node.outputs.first().and_then(|&id| graph.get(id)).map(|t| t.tensor_type);
            cast(data, output.unwrap_or(T::Float32))
        }
        (Op::Fill(_), T::Int8 | T::Int16) => 3,
        (Op::Fill(_), T::Bool | T::String) => 2,
        (Op::Gather(_), T::Int4) => 7,
        (Op::Gather(_), _) if kind(1) == Some(T::Int16) => 6,
        (Op::Gather(op), _) if op.batch_dims != 0 => 5,
        (Op::Gather(_), T::Int16) => 4,
        (Op::Gather(_), T::Bool) => 3,
        (Op::LeakyRelu(_), T::Int8) => 1,
        (Op::LeakyRelu(_), T::Int16) => 2,
        (Op::Maximum(_) | Op::Minimum(_), T::Int16) => 4,
        (Op::Maximum(_) | Op::Minimum(_), _) if broadcasts && rank > 4 => 3,
        (Op::Pack(_), T::UInt32) => 4,
        (Op::PadV2(_), _) if rank > 4 => 4,
        (Op::ResizeBilinear(_) | Op::ResizeNearestNeighbor(_), T::Int16) => 4,
        (Op::ResizeBilinear(op), _) if op.half_pixel_centers => 3,
        (Op::ResizeNearestNeighbor(op), _) if op.half_pixel_centers || op.align_corners => 3,
        (Op::Slice(_), _) if rank > 4 => 5,
        (Op::Slice(_), T::Int16) => 4,
        (Op::Slice(_), T::String) => 3,
        (Op::Split(_), T::Int16) => 4,
        (Op::Split(_), T::Int32) => 3,
        (Op::SplitV(_) | Op::Sum(_), T::Int16) => 1,
        (Op::StridedSlice(op), _) if op.offset => 8,
        (Op::StridedSlice(op), _) if op.ellipsis_mask != 0 || op.new_axis_mask != 0 => 6,
        (Op::StridedSlice(_), _) if rank > 4 => 4,
        (Op::StridedSlice(_), T::Bool) => 3,
        (Op::StridedSlice(_), T::Int16) => 1,
        (Op::Svdf(_), T::Int8) => 3,
        (Op::Svdf(op), T::Float32) if weights == Some(T::Int8) => {
            if op.asymmetric_quantize_inputs {
                4
            } else {
                2
            }
        }
        (Op::Unpack(_), T::Bool) => 3,
        (Op::Unpack(_), T::Int16) => 4,
        (Op::Exp(_) | Op::Log(_) | Op::Sqrt(_), T::Int16) => 2,
        (Op::FloorDiv(_), T::Int8 | T::Int16) => 3,
        (Op::FloorDiv(_), T::Float32) => 2,
        (Op::FloorMod(_), T::Int16) => 2,
        (Op::TransposeConv(op), _) => match tensor(2).map(|t| t.tensor_type) {
            Some(T::Int16) if op.quantized_bias_type != T::Float32 => 5,
            _ if op.activation != Activation::None => 4,
            _ if kind(3).is_some() => 3,
            _ if weights == Some(T::Int8) => 2,
            _ => 1,
        },
        (Op::BatchMatmul(_), T::Int8) => 2,
        (Op::BatchMatmul(_), T::Int16) => 3,
        (Op::BatchMatmul(op), _) if weights == Some(T::Int8) && op.asymmetric_quantize_inputs => 4,
        (Op::Lstm(op), _) => lstm(data, kind(2), op.asymmetric_quantize_inputs, (op.kernel as i32) + 1),
        (Op::UnidirectionalSequenceLstm(op), _) => {
            // Its hybrid versions are one less than those of LSTM.
            match lstm(data, kind(2), op.asymmetric_quantize_inputs, 2) {
                5 => 5,
                _ if op.diagonal_recurrent_tensors => 4,
                version => version - 1,
            }
        }
        (Op::BidirectionalSequenceLstm(op), _) => recurrent(weights, op.asymmetric_quantize_inputs),
        (Op::Rnn(op), _) => recurrent(weights, op.asymmetric_quantize_inputs),
        (Op::UnidirectionalSequenceRnn(op), _) => recurrent(weights, op.asymmetric_quantize_inputs),
        (Op::BidirectionalSequenceRnn(op), _) => recurrent(weights, op.asymmetric_quantize_inputs),
        (Op::ArgMax(_) | Op::ArgMin(_), T::Bool) => 3,
        (Op::FakeQuant(op), _) if op.narrow_range => 2,
        (Op::ReduceProd(_), T::Int16) => 2,
        (Op::Select(_), _) if (0..3).any(|i| tensor(i).is_some_and(|t| t.shape.rank() == 5)) => 3,
        (Op::BatchToSpaceNd(_) | Op::SpaceToBatchNd(_), T::Int16) => 4,
        (Op::BatchToSpaceNd(_) | Op::SpaceToBatchNd(_), _) if rank != 4 => 3,
        (Op::BroadcastTo(_), T::Int8 | T::Int16) => 3,
        (Op::BroadcastTo(_), _) => 2,
        (Op::DynamicUpdateSlice(_), T::BFloat16) => 6,
        (Op::DynamicUpdateSlice(_), T::Int16) => 4,
        (Op::DynamicUpdateSlice(_), T::Float16) => 3,
        (Op::DynamicUpdateSlice(_), _) => 1 + i32::from(kind(2) == Some(T::Int64)),
        (Op::EmbeddingLookup(_), _) if weights == Some(T::Int2) => 5,
        (Op::EmbeddingLookup(_), _) if weights == Some(T::Int4) || is_per_channel(tensor(1)) => 4,
        (Op::GatherNd(_), T::Bool) => 5,
        (Op::GatherNd(_), _) if kind(1) == Some(T::Int16) => 4,
        (Op::GatherNd(_), T::Int8) => 1,
        (Op::Range(_), T::Int64) => 2,
        (Op::ReverseV2(_), T::Int8) => 3,
        (Op::ReverseV2(_), T::Bool) => 2,
        (Op::ReverseV2(_), T::Int16) => 1,
        (Op::SpaceToDepth(_) | Op::DepthToSpace(_) | Op::Tile(_), T::Int16) => 1,
        (Op::SparseToDense(_), _) => match kind(2) {
            Some(T::Int8 | T::UInt8) => 3,
            Some(T::Int64) => 2,
            _ => 1,
        },
        (Op::Tile(_), T::Int8) => 3,
        (Op::TopkV2(_), _) if kind(1) == Some(T::Int16) => 3,
        (Op::Where(_), T::Bool) => 1,
        (Op::Where(_), _) => 2,
        // These have one version for all types.
        (
            Op::AddN(_)
            | Op::AssignVariable(_)
            | Op::Bitcast(_)
            | Op::Bucketize(_)
            | Op::CallOnce(_)
            | Op::ComplexAbs(_)
            | Op::Conv3d(_)
            | Op::Conv3dTranspose(_)
            | Op::Cumsum(_)
            | Op::Dilate(_)
            | Op::Elu(_)
            | Op::ExpandDims(_)
            | Op::FakeQuant(_)
            | Op::HardSwish(_)
            | Op::If(_)
            | Op::Imag(_)
            | Op::L2Pool2d(_)
            | Op::LocalResponseNormalization(_)
            | Op::MatrixDiag(_)
            | Op::MatrixSetDiag(_)
            | Op::Neg(_)
            | Op::OneHot(_)
            | Op::Prelu(_)
            | Op::Rank(_)
            | Op::ReadVariable(_)
            | Op::Real(_)
            | Op::ReduceAll(_)
            | Op::ReduceAny(_)
            | Op::ReduceWindow(_)
            | Op::Relu0To1(_)
            | Op::ReluN1To1(_)
            | Op::Reshape(_)
            | Op::ReverseSequence(_)
            | Op::Rfft2d(_)
            | Op::ScatterNd(_)
            | Op::SegmentSum(_)
            | Op::Select(_)
            | Op::SelectV2(_)
            | Op::ShapeOf(_)
            | Op::Squeeze(_)
            | Op::StablehloComposite(_)
            | Op::Unique(_)
            | Op::UnsortedSegmentMax(_)
            | Op::UnsortedSegmentMin(_)
            | Op::UnsortedSegmentProd(_)
            | Op::UnsortedSegmentSum(_)
            | Op::VarHandle(_)
            | Op::While(_),
            _,
        ) => 1,
        // All others go up with the integer types.
        (_, T::Int8) => 2,
        (_, T::Int16) => 3,
        _ => 1,
    }
}

/// LSTM with float weights has version `float`.
fn lstm(data: T, weights: Option<T>, asymmetric: bool, float: i32) -> i32 {
    match (data, weights) {
        (T::Int16, Some(T::Int8)) => 5,
        (T::Float32, Some(T::Int8)) if asymmetric => 4,
        (T::Float32, Some(T::Int8)) => 3,
        _ => float,
    }
}

fn recurrent(weights: Option<T>, asymmetric: bool) -> i32 {
    match weights {
        Some(T::Int8) if asymmetric => 3,
        Some(T::Int8) => 2,
        _ => 1,
    }
}

fn cast(from: T, to: T) -> i32 {
    let any = |kinds: &[T]| kinds.contains(&from) || kinds.contains(&to);
    match () {
        () if any(&[T::BFloat16]) => 7,
        () if any(&[T::Int4]) => 6,
        () if any(&[T::Float64, T::Float16]) => 5,
        () if any(&[T::UInt16]) => 4,
        () if any(&[T::Int8]) => 3,
        () if any(&[T::UInt32]) => 2,
        () => 1,
    }
}

fn is_per_channel(tensor: Option<&Tensor>) -> bool {
    tensor.and_then(|t| t.quantization.as_ref()).is_some_and(|q| q.scales.len() > 1)
}

fn conv_2d(data: T, weights: Option<T>, image: Option<&Tensor>, filters: Option<&Tensor>) -> i32 {
    let channels = |t: Option<&Tensor>| t.map(|t| t.shape.dim(3));
    match (data, weights) {
        _ if channels(image) != channels(filters) => 6,
        (T::Int16, _) => 4,
        (T::Int8, Some(T::Int4)) => 7,
        (T::Int8, _) => 3,
        (T::Float32, Some(T::Int8)) => {
            if is_per_channel(filters) {
                5
            } else {
                2
            }
        }
        _ => 1,
    }
}

fn depthwise_conv_2d(data: T, weights: Option<T>, filters: Option<&Tensor>, dilated: bool) -> i32 {
    match (data, weights) {
        (T::Int16, _) => 5,
        (T::Float32, Some(T::Int8)) => {
            if is_per_channel(filters) {
                6
            } else {
                4
            }
        }
        (T::Int8, Some(T::Int4)) => 7,
        (T::Int8, _) => 3,
        _ if dilated => 2,
        _ => 1,
    }
}

fn fully_connected(
    data: T,
    weights: Option<T>,
    filters: Option<&Tensor>,
    inputs: usize,
    keep_num_dims: bool,
    asymmetric: bool,
) -> i32 {
    match (data, weights) {
        (T::Float32, Some(T::Int8)) if is_per_channel(filters) => 12,
        (T::Int16, _) => 7,
        _ if inputs == 2 => 6,
        _ if keep_num_dims => 5,
        (T::Int8, Some(T::Int4)) => 10,
        (T::Int8, _) => 4,
        (T::Float32, Some(T::Int8)) => {
            if asymmetric {
                9
            } else {
                3
            }
        }
        _ => 1,
    }
}

fn mul(data: T, graph: &Graph, node: &Node) -> i32 {
    let scale = |id| graph.get(id).and_then(|t| t.quantization.as_ref()).map_or(0.0, |q| q.scale_at(0));
    let input = |i: usize| node.input(i).map_or(0.0, scale);
    let (a, b, out) = (input(0), input(1), node.outputs.first().copied().map_or(0.0, scale));
    match data {
        T::Complex64 => 6,
        T::Int64 => 5,
        T::Int16 => 4,
        // A product that has to be scaled up.
        _ if a != 0.0 && b != 0.0 && out != 0.0 && a * b / out >= 1.0 => 3,
        T::Int8 => 2,
        _ => 1,
    }
}

/// The first release that runs version `version` of the operator with this code.
pub(super) fn first_release(code: i32, version: i32) -> Release {
    let code = u32::try_from(code).ok().and_then(Code::from_code);
    let row = |releases: &[(u8, u8)]| {
        let at = usize::try_from(version).unwrap_or(1).saturating_sub(1);
        releases.get(at).or(releases.last()).map_or_else(Release::default, |&(a, b)| Release(a, b, 0))
    };
    match code {
        Some(Code::Conv2d) => row(&[(1, 5), (1, 14), (1, 14), (2, 3), (2, 4), (2, 9), (2, 11), (2, 15)]),
        Some(Code::DepthwiseConv2d) => row(&[(1, 5), (1, 12), (1, 14), (2, 2), (2, 3), (2, 3), (2, 11)]),
        Some(Code::FullyConnected) => row(&[
            (1, 5),
            (1, 10),
            (1, 14),
            (1, 14),
            (2, 0),
            (2, 1),
            (2, 3),
            (2, 3),
            (2, 3),
            (2, 11),
            (2, 15),
            (2, 17),
            (2, 18),
            (2, 21),
        ]),
        Some(Code::Add) => row(&[(1, 5), (1, 14), (2, 4), (2, 6), (2, 13), (2, 23)]),
        Some(Code::Sub) => row(&[(1, 6), (1, 14), (2, 3), (2, 4), (2, 4)]),
        Some(Code::Mul) => row(&[(1, 5), (1, 14), (1, 15), (2, 3), (2, 6), (2, 11), (2, 13), (2, 23)]),
        Some(Code::Transpose) => row(&[(1, 6), (1, 14), (1, 15), (2, 3), (2, 4), (2, 12), (2, 15), (2, 22)]),
        Some(Code::Pad) => row(&[(1, 5), (1, 14), (2, 4), (2, 6), (2, 20)]),
        Some(Code::Quantize) => row(&[(1, 14), (1, 15), (2, 10), (2, 21)]),
        Some(Code::Dequantize) => row(&[(1, 13), (1, 14), (1, 15), (2, 2), (2, 18), (2, 18)]),
        Some(Code::Cast) => row(&[(1, 5), (2, 7), (2, 8), (2, 9), (2, 12), (2, 15), (2, 17)]),
        Some(Code::Gather) => row(&[(1, 6), (1, 14), (1, 15), (2, 4), (2, 5), (2, 13), (2, 15)]),
        Some(Code::LeakyRelu) => row(&[(1, 13), (2, 3)]),
        Some(Code::TransposeConv) => row(&[(1, 9), (2, 2), (2, 3), (2, 13), (2, 15)]),
        Some(Code::BatchMatmul) => row(&[(2, 3), (2, 3), (2, 4), (2, 5)]),
        Some(Code::Lstm) => row(&[(1, 7), (1, 10), (1, 14), (2, 3)]),
        Some(Code::UnidirectionalSequenceLstm) => row(&[(1, 14), (1, 14), (2, 3), (2, 12)]),
        Some(Code::BidirectionalSequenceLstm) => row(&[(1, 14)]),
        Some(Code::Rnn) => row(&[(1, 5), (1, 14), (2, 3)]),
        Some(Code::UnidirectionalSequenceRnn | Code::BidirectionalSequenceRnn) => {
            row(&[(1, 14), (1, 14), (2, 3)])
        }
        Some(Code::Conv3d) => Release(2, 5, 0),
        Some(Code::Conv3dTranspose) => Release(2, 6, 0),
        Some(Code::HardSwish) => Release(2, 1, 0),
        Some(Code::ReluN1To1 | Code::Squeeze | Code::Shape | Code::ExpandDims) => row(&[(1, 10)]),
        Some(Code::Relu0To1) => Release(2, 13, 0),
        Some(Code::Sum) => row(&[(1, 10), (1, 15)]),
        Some(Code::SplitV) => row(&[(1, 13), (2, 3)]),
        Some(Code::StridedSlice) => row(&[(1, 6), (1, 14), (2, 1), (2, 2), (2, 5), (2, 6), (2, 14), (2, 14)]),
        Some(Code::ResizeBilinear | Code::ResizeNearestNeighbor) => row(&[(1, 13), (1, 14), (2, 3), (2, 5)]),
        Some(Code::AddN | Code::LogSoftmax) => row(&[(1, 14)]),
        Some(Code::ArgMax | Code::ArgMin) => row(&[(1, 9), (1, 14), (2, 9)]),
        Some(Code::Bitcast) => row(&[(2, 13)]),
        Some(Code::Bucketize) => row(&[(2, 8)]),
        Some(Code::ComplexAbs | Code::Imag | Code::Real | Code::Rfft2d) => row(&[(2, 5)]),
        Some(Code::Cumsum) => row(&[(2, 4)]),
        Some(Code::FakeQuant) => row(&[(1, 5), (1, 10)]),
        Some(Code::ReduceAll) => row(&[(2, 6)]),
        Some(Code::ReduceAny) => row(&[(1, 11)]),
        Some(Code::ReduceProd) => row(&[(1, 11), (2, 6)]),
        Some(Code::SegmentSum | Code::SelectV2) => row(&[(2, 2)]),
        Some(Code::Select) => row(&[(1, 14), (1, 14), (2, 12)]),
        Some(Code::UnsortedSegmentMax | Code::UnsortedSegmentProd | Code::UnsortedSegmentSum) => {
            row(&[(2, 10)])
        }
        Some(Code::UnsortedSegmentMin) => row(&[(2, 11)]),
        Some(Code::Mean) => row(&[(1, 6), (1, 14), (2, 4)]),
        Some(Code::Relu | Code::Relu6) => row(&[(1, 5), (1, 14), (2, 5)]),
        Some(Code::Logistic | Code::Tanh) => row(&[(1, 14), (1, 14), (2, 3)]),
        Some(Code::BatchToSpaceNd | Code::SpaceToBatchNd) => row(&[(1, 6), (1, 14), (2, 3), (2, 12)]),
        Some(Code::BroadcastArgs) => row(&[(2, 6)]),
        Some(Code::BroadcastTo) => row(&[(2, 5), (2, 5), (2, 5), (2, 23)]),
        Some(Code::DepthToSpace) => row(&[(2, 1), (2, 5)]),
        Some(Code::DynamicUpdateSlice) => row(&[(2, 9), (2, 17), (2, 19), (2, 20), (2, 21), (2, 22)]),
        Some(Code::EmbeddingLookup) => row(&[(1, 13), (1, 14), (1, 14), (2, 18), (2, 21)]),
        Some(Code::GatherNd) => row(&[(1, 14), (2, 3), (2, 5), (2, 13), (2, 16), (2, 23)]),
        Some(Code::MirrorPad) => row(&[(1, 14), (2, 3), (2, 12)]),
        Some(Code::OneHot) => row(&[(1, 11)]),
        Some(Code::Range) => row(&[(1, 13), (2, 14)]),
        Some(Code::Rank) => row(&[(1, 14)]),
        Some(Code::ReverseV2) => row(&[(1, 14), (2, 2), (2, 5), (2, 23)]),
        Some(Code::ScatterNd) => row(&[(2, 1)]),
        Some(Code::SparseToDense) => row(&[(1, 9), (1, 14), (1, 15)]),
        Some(Code::Dilate | Code::ReduceWindow) => row(&[(2, 15)]),
        Some(Code::NonMaxSuppressionV4 | Code::NonMaxSuppressionV5) => row(&[(2, 1)]),
        Some(Code::MatrixDiag | Code::MatrixSetDiag | Code::ReverseSequence | Code::Unique) => {
            row(&[(1, 14)])
        }
        Some(Code::Where) => row(&[(1, 14), (2, 8)]),
        Some(Code::Tile) => row(&[(1, 11), (2, 2), (2, 8)]),
        Some(Code::TopkV2) => row(&[(1, 7), (1, 14), (2, 13)]),
        _ => row(&[(1, 5), (1, 14), (2, 3), (2, 4)]),
    }
}
