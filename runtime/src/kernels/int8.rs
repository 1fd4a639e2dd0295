//! Kernels of operators that are int8 throughout, for programs whose models are known when they are compiled
//! ([`crate::compiled`]): what the operators' own kernels do in other element types, or for rare numbers, is not linked.

use sedge_schema::Refusal;

use crate::node::Invoke;

/// Makes the functions of the operators in the list, and what finds them. `small` ones have filters, of which not all can
/// be had.
macro_rules! int8 {
    ($($module:ident = $name:ident $(if $small:ident)?;)*) => {
        $(
            #[doc = concat!("Runs [`", stringify!($name), "`](super::", stringify!($name), ").")]
            ///
            /// # Errors
            /// As the operator's kernel.
            pub fn $module(node: &mut Invoke<'_>) -> Result<(), Refusal> {
                super::$module::invoke_int8(node)
            }
        )*

        /// The name of the function here that runs an operator whose inputs and outputs have these element types, prepared
        /// with weights in place as `data` in `prepared` tells.
        #[cfg(feature = "std")]
        pub(crate) fn of(
            code: sedge_schema::BuiltinOperator,
            types: &[sedge_schema::TensorType],
            prepared: &crate::arena::Prepared<'_>,
            data: crate::arena::Span,
        ) -> Option<&'static str> {
            use sedge_schema::{BuiltinOperator, TensorType};

            // Biases and lists of axes are int32.
            let ends = (types.first(), types.last()) == (Some(&TensorType::Int8), Some(&TensorType::Int8));
            if !ends || !types.iter().all(|kind| matches!(kind, TensorType::Int8 | TensorType::Int32)) {
                return None;
            }
            match code {
                $(BuiltinOperator::$name $(if super::$module::$small(prepared, data))? => Some(stringify!($module)),)*
                _ => None,
            }
        }
    };
}

int8! {
    add = Add;
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
