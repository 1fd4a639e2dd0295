//! Kernels of operators that are int8 throughout: what the operators' own kernels do in other element types, or for rare
//! numbers, is not linked.
//!
//! A program with an interpreter names them in its [`op_set!`](crate::op_set): `op_set![int8::Conv2d, int8::Softmax, Reshape]`.
//! They refuse operators of other types, and filters that the small functions of [`sedge_simd`] cannot have: weights that were
//! packed, and sums or multipliers so large that they need the general arithmetic. The kernel of the same name in
//! [`kernels`](super) takes all of these. A compiled model calls the functions ([`crate::compiled`]).

use sedge_schema::{BuiltinOperator, Refusal, Slot, TensorType};

use super::typed::typed;
use crate::node::Invoke;

/// Biases and lists of axes are int32.
fn allowed(_code: BuiltinOperator, slot: Slot) -> &'static [TensorType] {
    match slot {
        Slot::Input(0) | Slot::Output(_) => &[TensorType::Int8],
        Slot::Input(_) => &[TensorType::Int8, TensorType::Int32],
    }
}

typed! {
    int8, invoke_int8;
    add = Add if is_small;
    average_pool_2d = AveragePool2d;
    conv_2d = Conv2d if is_small;
    depthwise_conv_2d = DepthwiseConv2d if is_small;
    fully_connected = FullyConnected if is_small;
    logistic = Logistic;
    max_pool_2d = MaxPool2d;
    mean = Mean;
    mul = Mul;
    softmax = Softmax;
    sub = Sub;
    tanh = Tanh;
}
