//! The operators' kernels: one file or folder for each.
//!
//! A kernel's `prepare` reads the operator's parameters, lets its rule in `sedge_schema::op` give the
//! outputs' shapes, checks types and quantization, and keeps what `invoke` needs: plain numbers and
//! lists in the arena's prepared data. Its `invoke` takes the outputs, reads the inputs, and computes.
//!
//! Where an operator has a fast version (`gemm`), the direct one stands beside it (`filter`); tests
//! compare both with the operator's definition, on every level.

mod filter;
mod gemm;
mod recurrent;
mod shared;

/// Makes, of the one list of operators, their kernels' modules and types and the list of all.
macro_rules! kernels {
    ($($module:ident::$name:ident,)*) => {
        $(
            mod $module;

            #[doc = concat!("The kernel of [`", stringify!($name), "`](sedge_schema::op::", stringify!($name), ").")]
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl $crate::Kernel for $name {
                fn code(&self) -> sedge_schema::BuiltinOperator {
                    <sedge_schema::op::$name as sedge_schema::op::Operator>::CODE
                }

                fn prepare(&self, node: &mut $crate::Prepare<'_>) -> Result<(), $crate::Refusal> {
                    $module::prepare(node.operator::<sedge_schema::op::$name>()?, node)
                }

                fn invoke(&self, node: &mut $crate::Invoke<'_>) -> Result<(), $crate::Refusal> {
                    $module::invoke(node)
                }
            }
        )*

        /// The kernels of all operators.
        pub const ALL: $crate::Resolver = $crate::Resolver::new(&[$(&$name),*]);
    };
}
sedge_schema::with_operators!(kernels);
