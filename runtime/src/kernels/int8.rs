//! Kernels of operators that are int8 throughout: what the operators' own kernels do in other element types, or for rare
//! numbers, is not linked.
//!
//! A program with an interpreter names them in its [`op_set!`](crate::op_set): `op_set![int8::Conv2d, int8::Softmax, Reshape]`.
//! They refuse operators of other types, and filters that the small functions of [`sedge_simd`] cannot have: weights that were
//! packed, and sums or multipliers so large that they need the general arithmetic. The kernel of the same name in
//! [`kernels`](super) takes all of these. A compiled model calls the functions ([`crate::compiled`]).

use sedge_schema::op::Node;
use sedge_schema::{Refusal, Slot, TensorType};

use crate::node::{Invoke, Prepare};

/// Refuses inputs and outputs that are not int8; biases and lists of axes are int32.
fn ensure_int8(node: &Prepare<'_>) -> Result<(), Refusal> {
    for i in 0..node.inputs() {
        let slot = Slot::Input(i as u8);
        let allowed: &[_] = if i == 0 { &[TensorType::Int8] } else { &[TensorType::Int8, TensorType::Int32] };
        if node.has(slot) {
            node.type_in(slot, allowed)?;
        }
    }
    (0..node.outputs()).try_for_each(|i| node.type_in(Slot::Output(i as u8), &[TensorType::Int8]).map(drop))
}

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

            #[doc = concat!("The kernel of [`", stringify!($name), "`](sedge_schema::op::", stringify!($name), ") in int8.")]
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl crate::Kernel for $name {
                fn code(&self) -> sedge_schema::BuiltinOperator {
                    crate::Kernel::code(&super::$name)
                }

                fn prepare(&self, node: &mut Prepare<'_>) -> Result<(), Refusal> {
                    ensure_int8(node)?;
                    crate::Kernel::prepare(&super::$name, node)?;
                    $(
                        let data = node.record.data;
                        let (_, prepared) = node.arena.reborrow().halves();
                        if !super::$module::$small(&prepared, data) {
                            return Err(Refusal::Quantization(Slot::Input(1)));
                        }
                    )?
                    Ok(())
                }

                fn invoke(&self, node: &mut Invoke<'_>) -> Result<(), Refusal> {
                    $module(node)
                }
            }
        )*

        /// The name of the function here that runs an operator whose inputs and outputs have these element types, prepared
        /// with weights in place as `data` in `prepared` tells.
        #[cfg(feature = "std")]
        pub(crate) fn of(
            code: sedge_schema::BuiltinOperator,
            types: &[TensorType],
            prepared: &crate::arena::Prepared<'_>,
            data: crate::arena::Span,
        ) -> Option<&'static str> {
            use sedge_schema::BuiltinOperator;

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
