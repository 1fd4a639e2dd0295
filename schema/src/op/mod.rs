//! The operators' rules: one file for each operator, and the one list of them.
//!
//! An operator is a value of its own type, such as [`Conv2d`]: its parameters. The type's
//! [`Operator`] implementation holds everything about the operator that does not depend on who
//! runs it: the slots and defaults of its parameters in the file, its arity, the shape of its
//! outputs and how it is quantized. The interpreter's kernels and the converter's passes both ask
//! here; neither knows a rule of its own.
//!
//! Rules see the operator's surroundings through [`Node`], so they work on a model file as well as
//! on a converter's graph.

mod node;
mod param;
mod recurrent;
mod window;

pub use batch_matmul::Product;
pub use mean::reduced_axes;
pub use node::{Node, NodeExt};
pub use pad::padding_of;
pub use param::{
    Activation, FloatList, IntList, List, LstmKernel, MirrorMode, Padding, Param, WeightsFormat,
    WindowFunction,
};
pub use recurrent::{AuxiliarySlots, LstmSizes, LstmSlots, RnnSizes, RnnSlots, Sequence};
pub use reduce_window::Slide;
pub use space_to_batch_nd::Blocks;
pub use strided_slice::Cut;
pub use transpose::permutation;
pub use window::Window;

use crate::error::{Fault, Refusal};
use crate::wire::{Table, Work};
use crate::{BuiltinOperator, Shape, TensorType};

/// How an operator's tensors are quantized, after the published 8-bit specification of TFLite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum QuantizationRule {
    /// Every activation has scale and zero point of its own.
    Calibrated,
    /// Input 1 holds weights: symmetric, in [-127, 127], one scale per index of `axis`. The bias is int32, its zero
    /// point 0, its scale that of the data * that of the weights.
    Weights {
        /// The weights' dimension that scales count.
        axis: u8,
        /// The input that weights are applied to.
        data: u8,
        /// The input that holds the bias.
        bias: u8,
    },
    /// The output has the scale and zero point of input 0.
    SameAsInput,
    /// All inputs and outputs have one scale and zero point.
    AllSame,
    /// The output's scale and zero point are fixed: these in int8; in int16 scale 1/32768 and zero point 0.
    Fixed {
        /// The output's scale in int8.
        scale: f32,
        /// The output's zero point in int8.
        zero_point: i32,
    },
    /// Turns quantized values into real ones or back, so each side is as its type says.
    Border,
    /// Knows no scales: works on integers that are no quantized values, or on real numbers.
    Integers,
}

impl QuantizationRule {
    /// Scale and zero point that outputs of this type must have; `None` where they are free.
    pub fn fixed_output(self, kind: TensorType) -> Option<(f32, i32)> {
        match (self, kind) {
            (Self::Fixed { .. }, TensorType::Int16) => Some((1.0 / 32768.0, 0)),
            (Self::Fixed { scale, zero_point }, _) => Some((scale, zero_point)),
            _ => None,
        }
    }
}

/// An operator: its parameters and its rules.
pub trait Operator: Copy + PartialEq + core::fmt::Debug {
    /// Its code in the format.
    const CODE: BuiltinOperator;
    /// Which tables of the format's two unions of options hold its parameters; 0 for none.
    const OPTIONS: (u8, u8);
    /// The fewest and the most inputs.
    const INPUTS: (usize, usize);
    /// The fewest and the most outputs.
    const OUTPUTS: (usize, usize) = (1, 1);
    /// How its tensors are quantized.
    const QUANTIZATION: QuantizationRule;

    /// Reads the parameters; absent ones have the schema's defaults.
    fn read(options: Option<Table<'_>>) -> Self;

    /// Checks that every parameter lies within the file and is a member of its enumeration.
    ///
    /// # Errors
    /// What is wrong with the first bad one.
    fn check(options: Table<'_>) -> Result<(), Fault>;

    /// The shape of output `output`, given the inputs' shapes and, for some operators, values.
    ///
    /// # Errors
    /// [`Refusal::Pending`] where it depends on values that only a run will tell; otherwise why
    /// the operator cannot run with these inputs.
    fn shape(&self, node: &dyn Node, output: usize) -> Result<Shape, Refusal>;

    /// Writes the parameters as a table of the schema.
    #[cfg(feature = "write")]
    fn write<'b>(
        &self,
        builder: &mut flatbuffers::FlatBufferBuilder<'b>,
    ) -> flatbuffers::WIPOffset<flatbuffers::TableFinishedWIPOffset>;

    /// The shape of output `output` after the number of inputs and outputs was checked.
    ///
    /// # Errors
    /// As [`Operator::shape`], and where there are too few or too many inputs or outputs.
    fn infer(&self, node: &dyn Node, output: usize) -> Result<Shape, Refusal> {
        if !(Self::INPUTS.0..=Self::INPUTS.1).contains(&node.inputs()) {
            return Err(Refusal::Inputs(node.inputs() as u32));
        }
        if !(Self::OUTPUTS.0..=Self::OUTPUTS.1).contains(&node.outputs()) {
            return Err(Refusal::Outputs(node.outputs() as u32));
        }
        self.shape(node, output)
    }
}

/// Declares an operator's type: parameters with slot, name, type and default, and the constants of
/// [`Operator`]. The `shape` rule follows in a `shape` function of the same file.
macro_rules! operator {
    (
        $(#[$doc:meta])*
        $name:ident = $code:ident, options $options:expr, inputs $inputs:expr, $(outputs $outputs:expr,)?
        quantization $quantization:expr;
        $($(#[$field_doc:meta])* $slot:literal $field:ident: $kind:ty = $default:expr;)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $kind,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        impl $crate::op::Operator for $name {
            const CODE: $crate::BuiltinOperator = $crate::BuiltinOperator::$code;
            const OPTIONS: (u8, u8) = $options;
            const INPUTS: (usize, usize) = $inputs;
            $(const OUTPUTS: (usize, usize) = $outputs;)?
            const QUANTIZATION: $crate::op::QuantizationRule = $quantization;

            fn read(options: Option<$crate::Table<'_>>) -> Self {
                #[allow(unused_variables)]
                match options {
                    Some(table) => Self { $($field: $crate::op::Param::read(&table, $slot, $default),)* },
                    None => Self::default(),
                }
            }

            #[allow(unused_variables)]
            fn check(options: $crate::Table<'_>) -> Result<(), $crate::Fault> {
                $(<$kind as $crate::op::Param>::check(&options, $slot)?;)*
                Ok(())
            }

            fn shape(
                &self,
                node: &dyn $crate::op::Node,
                output: usize,
            ) -> Result<$crate::Shape, $crate::Refusal> {
                shape(self, node, output)
            }

            #[cfg(feature = "write")]
            fn write<'b>(
                &self,
                builder: &mut flatbuffers::FlatBufferBuilder<'b>,
            ) -> flatbuffers::WIPOffset<flatbuffers::TableFinishedWIPOffset> {
                $(let $field = $crate::op::Param::stage(self.$field, builder);)*
                let start = builder.start_table();
                $(<$kind as $crate::op::Param>::push($field, builder, $slot, $default);)*
                builder.end_table(start)
            }
        }
    };
}

/// Makes, of the one list of operators, their modules, [`Op`] and everything that goes over them.
macro_rules! operators {
    ($($module:ident::$name:ident,)*) => {
        $(mod $module; pub use $module::$name;)*

        /// Any operator that Sedge has rules for.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[allow(missing_docs, reason = "each variant is the operator of that name")]
        #[allow(clippy::large_enum_variant, reason = "a device has operators, but never one of any kind")]
        pub enum Op { $($name($name),)* }

        impl Op {
            /// The codes of all operators that have rules, in the list's order.
            pub const CODES: &'static [BuiltinOperator] = &[$($name::CODE,)*];

            /// Reads the operator with this code; `None` where Sedge has no rules for it.
            pub fn read(code: BuiltinOperator, options: Option<Table<'_>>) -> Option<Self> {
                $(if code == $name::CODE { return Some(Self::$name($name::read(options))); })*
                None
            }

            /// The operator's code.
            pub fn code(&self) -> BuiltinOperator {
                match self { $(Self::$name(_) => $name::CODE,)* }
            }

            /// Which tables of the two unions of options hold its parameters; see [`Operator::OPTIONS`].
            pub fn options(&self) -> (u8, u8) {
                match self { $(Self::$name(_) => $name::OPTIONS,)* }
            }

            /// How the operator's tensors are quantized.
            pub fn quantization(&self) -> QuantizationRule {
                match self { $(Self::$name(_) => $name::QUANTIZATION,)* }
            }

            /// The shape of output `output`; see [`Operator::infer`].
            ///
            /// # Errors
            /// As [`Operator::infer`].
            pub fn infer(&self, node: &dyn Node, output: usize) -> Result<Shape, Refusal> {
                match self { $(Self::$name(op) => op.infer(node, output),)* }
            }

            /// Writes the parameters as a table of the schema.
            #[cfg(feature = "write")]
            pub fn write<'b>(
                &self,
                builder: &mut flatbuffers::FlatBufferBuilder<'b>,
            ) -> flatbuffers::WIPOffset<flatbuffers::TableFinishedWIPOffset> {
                match self { $(Self::$name(op) => op.write(builder),)* }
            }
        }

        $(impl From<$name> for Op {
            fn from(op: $name) -> Self {
                Self::$name(op)
            }
        })*

        /// Checks the options of an operator that has rules.
        pub(crate) fn check_options(
            code: BuiltinOperator,
            operator: &crate::model::Operator<'_>,
            _work: &mut Work,
        ) -> Result<(), Fault> {
            let Some(table) = operator.options() else { return Ok(()) };
            let found = (operator.options_type(), operator.options2_type());
            $(if code == $name::CODE {
                // Tools write an empty table of another type, or none, where there are no parameters.
                return if found == $name::OPTIONS || $name::OPTIONS == (0, 0) {
                    $name::check(table)
                } else {
                    Err(Fault::Options(code))
                };
            })*
            Ok(())
        }
    };
}

/// The one list of operators: calls the macro `$then` with `module::Type,` of each. Schema, runtime
/// and converter make their tables of it, so an operator without a kernel does not compile.
#[macro_export]
macro_rules! with_operators {
    ($then:ident) => {
        $then! {
            abs::Abs,
            add::Add,
            add_n::AddN,
            arg_max::ArgMax,
            arg_min::ArgMin,
            assign_variable::AssignVariable,
            atan2::Atan2,
            average_pool_2d::AveragePool2d,
            batch_matmul::BatchMatmul,
            batch_to_space_nd::BatchToSpaceNd,
            bidirectional_sequence_lstm::BidirectionalSequenceLstm,
            bidirectional_sequence_rnn::BidirectionalSequenceRnn,
            bitcast::Bitcast,
            bitwise_xor::BitwiseXor,
            broadcast_args::BroadcastArgs,
            broadcast_to::BroadcastTo,
            bucketize::Bucketize,
            call_once::CallOnce,
            cast::Cast,
            ceil::Ceil,
            complex_abs::ComplexAbs,
            concatenation::Concatenation,
            conv_2d::Conv2d,
            conv_3d::Conv3d,
            conv_3d_transpose::Conv3dTranspose,
            cos::Cos,
            cumsum::Cumsum,
            depth_to_space::DepthToSpace,
            depthwise_conv_2d::DepthwiseConv2d,
            dequantize::Dequantize,
            dilate::Dilate,
            div::Div,
            dynamic_update_slice::DynamicUpdateSlice,
            elu::Elu,
            embedding_lookup::EmbeddingLookup,
            equal::Equal,
            exp::Exp,
            expand_dims::ExpandDims,
            fake_quant::FakeQuant,
            fill::Fill,
            floor::Floor,
            floor_div::FloorDiv,
            floor_mod::FloorMod,
            fully_connected::FullyConnected,
            gather::Gather,
            gather_nd::GatherNd,
            gelu::Gelu,
            greater::Greater,
            greater_equal::GreaterEqual,
            hard_swish::HardSwish,
            hashtable_lookup::HashtableLookup,
            if_::If,
            imag::Imag,
            l2_normalization::L2Normalization,
            l2_pool_2d::L2Pool2d,
            leaky_relu::LeakyRelu,
            less::Less,
            less_equal::LessEqual,
            local_response_normalization::LocalResponseNormalization,
            log::Log,
            log_softmax::LogSoftmax,
            logical_and::LogicalAnd,
            logical_not::LogicalNot,
            logical_or::LogicalOr,
            logistic::Logistic,
            lstm::Lstm,
            matrix_diag::MatrixDiag,
            matrix_set_diag::MatrixSetDiag,
            max_pool_2d::MaxPool2d,
            maximum::Maximum,
            mean::Mean,
            minimum::Minimum,
            mirror_pad::MirrorPad,
            mul::Mul,
            neg::Neg,
            non_max_suppression_v4::NonMaxSuppressionV4,
            non_max_suppression_v5::NonMaxSuppressionV5,
            not_equal::NotEqual,
            one_hot::OneHot,
            pack::Pack,
            pad::Pad,
            padv2::PadV2,
            pow::Pow,
            prelu::Prelu,
            quantize::Quantize,
            range::Range,
            rank::Rank,
            read_variable::ReadVariable,
            real::Real,
            reduce_all::ReduceAll,
            reduce_any::ReduceAny,
            reduce_max::ReduceMax,
            reduce_min::ReduceMin,
            reduce_prod::ReduceProd,
            reduce_window::ReduceWindow,
            relu6::Relu6,
            relu::Relu,
            relu_0_to_1::Relu0To1,
            relu_n1_to_1::ReluN1To1,
            reshape::Reshape,
            resize_bilinear::ResizeBilinear,
            resize_nearest_neighbor::ResizeNearestNeighbor,
            reverse_sequence::ReverseSequence,
            reverse_v2::ReverseV2,
            rfft2d::Rfft2d,
            right_shift::RightShift,
            rnn::Rnn,
            round::Round,
            rsqrt::Rsqrt,
            scatter_nd::ScatterNd,
            segment_sum::SegmentSum,
            select::Select,
            select_v2::SelectV2,
            shape_of::ShapeOf,
            sign::Sign,
            sin::Sin,
            slice::Slice,
            softmax::Softmax,
            space_to_batch_nd::SpaceToBatchNd,
            space_to_depth::SpaceToDepth,
            sparse_to_dense::SparseToDense,
            split::Split,
            split_v::SplitV,
            sqrt::Sqrt,
            square::Square,
            squared_difference::SquaredDifference,
            squeeze::Squeeze,
            stablehlo_composite::StablehloComposite,
            strided_slice::StridedSlice,
            sub::Sub,
            sum::Sum,
            svdf::Svdf,
            tanh::Tanh,
            tile::Tile,
            topk_v2::TopkV2,
            transpose::Transpose,
            transpose_conv::TransposeConv,
            unidirectional_sequence_lstm::UnidirectionalSequenceLstm,
            unidirectional_sequence_rnn::UnidirectionalSequenceRnn,
            unique::Unique,
            unpack::Unpack,
            unsorted_segment_max::UnsortedSegmentMax,
            unsorted_segment_min::UnsortedSegmentMin,
            unsorted_segment_prod::UnsortedSegmentProd,
            unsorted_segment_sum::UnsortedSegmentSum,
            var_handle::VarHandle,
            where_nonzero::Where,
            while_::While,
            zeros_like::ZerosLike,
        }
    };
}

with_operators!(operators);
