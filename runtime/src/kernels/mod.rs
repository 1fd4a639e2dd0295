//! The operators' kernels: one file or folder for each.
//!
//! A kernel's `prepare` reads the operator's parameters, lets its rule in `sedge_schema::op` give the
//! outputs' shapes, checks types and quantization, and keeps what `invoke` needs: plain numbers and
//! lists in the arena's prepared data. Its `invoke` takes the outputs, reads the inputs, and computes.
//!
//! Custom operators (`custom`) have no rule there; their kernels know all of it.
//!
//! Where an operator has a fast version (`gemm`), the direct one stands beside it (`filter`); tests
//! compare both with the operator's definition, on every level.

mod custom;
mod filter;
mod gemm;
pub mod int16;
pub mod int32;
pub mod int8;
mod recurrent;
mod shared;
pub(crate) mod typed;

pub use custom::*;

use sedge_schema::BuiltinOperator;

use crate::Kernel;

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

        /// The name of the type here that is the kernel of an operator of the format.
        pub fn builtin_type(code: BuiltinOperator) -> Option<&'static str> {
            $(if code == <sedge_schema::op::$name as sedge_schema::op::Operator>::CODE {
                return Some(stringify!($name));
            })*
            None
        }

        /// The kernels of all operators of the format that have one.
        const BUILTIN: &[&dyn Kernel] = &[$(&$name),*];
    };
}
sedge_schema::with_operators!(kernels);

/// The kernels of all operators, custom ones among them.
pub const ALL: crate::Resolver = crate::Resolver::new({
    const LIST: [&dyn Kernel; BUILTIN.len() + custom::ALL.len()] = joined(BUILTIN, custom::ALL);
    &LIST
});

/// The `N` kernels of two lists.
#[allow(clippy::indexing_slicing, reason = "runs while the program is compiled")]
const fn joined<const N: usize>(
    first: &[&'static dyn Kernel],
    second: &[&'static dyn Kernel],
) -> [&'static dyn Kernel; N] {
    let mut all = [first[0]; N];
    let mut i = 0;
    while i < N {
        all[i] = if i < first.len() { first[i] } else { second[i - first.len()] };
        i += 1;
    }
    all
}
