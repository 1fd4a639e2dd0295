//! Kernels of operators in one element type: what the operators' own kernels do in other types, or for rare numbers, is not
//! linked.

use sedge_schema::op::Node as _;
use sedge_schema::{BuiltinOperator, Refusal, Slot, TensorType};

use crate::node::Prepare;

/// The element types that an operator may have in an input or output.
pub(super) type Allowed = fn(BuiltinOperator, Slot) -> &'static [TensorType];

/// Refuses inputs and outputs of other types.
pub(super) fn ensure(node: &Prepare<'_>, code: BuiltinOperator, allowed: Allowed) -> Result<(), Refusal> {
    let inputs = (0..node.inputs()).map(|i| Slot::Input(i as u8));
    let outputs = (0..node.outputs()).map(|i| Slot::Output(i as u8));
    let mut there = inputs.chain(outputs).filter(|&slot| node.has(slot));
    there.try_for_each(|slot| node.type_in(slot, allowed(code, slot)).map(drop))
}

/// What is known of an operator that is prepared with weights in place.
#[cfg(feature = "std")]
pub(crate) struct Prepared<'p> {
    pub(crate) code: BuiltinOperator,
    /// The name of a custom operator.
    pub(crate) custom_name: &'p str,
    /// The element types of the inputs and outputs that are there.
    pub(crate) types: &'p [(Slot, TensorType)],
    pub(crate) prepared: &'p crate::arena::Prepared<'p>,
    /// Where its own data lies in that.
    pub(crate) data: crate::arena::Span,
}

#[cfg(feature = "std")]
impl Prepared<'_> {
    /// Whether all inputs and outputs have allowed types.
    pub(super) fn has(&self, allowed: Allowed) -> bool {
        self.types.iter().all(|&(slot, kind)| allowed(self.code, slot).contains(&kind))
    }
}

/// The path in [`kernels`](super) of the function that runs an operator in its type, if there is one.
#[cfg(feature = "std")]
pub(crate) fn of(operator: &Prepared<'_>) -> Option<&'static str> {
    super::int8::of(operator).or_else(|| super::int32::of(operator)).or_else(|| super::int16::of(operator))
}

/// Makes the functions and kernels of the operators in the list, and what finds them. `small` ones have filters, of which
/// not all can be had.
macro_rules! typed {
    ($in:ident, $invoke:ident; $($module:ident = $name:ident $(if $small:ident)?;)*) => {
        $(
            #[doc = concat!("Runs [`", stringify!($name), "`](super::", stringify!($name), ").")]
            ///
            /// # Errors
            /// As the operator's kernel.
            pub fn $module(node: &mut Invoke<'_>) -> Result<(), Refusal> {
                super::$module::$invoke(node)
            }

            #[doc = concat!("The kernel of [`", stringify!($name), "`](sedge_schema::op::", stringify!($name), ") in ", stringify!($in), ".")]
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl crate::Kernel for $name {
                fn code(&self) -> sedge_schema::BuiltinOperator {
                    crate::Kernel::code(&super::$name)
                }

                fn prepare(&self, node: &mut crate::Prepare<'_>) -> Result<(), Refusal> {
                    super::typed::ensure(node, self.code(), allowed)?;
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

        /// The path of the function here that runs an operator, if one does.
        #[cfg(feature = "std")]
        pub(super) fn of(operator: &super::typed::Prepared<'_>) -> Option<&'static str> {
            if !operator.has(allowed) {
                return None;
            }
            match operator.code {
                $(sedge_schema::BuiltinOperator::$name $(if super::$module::$small(operator.prepared, operator.data))? => {
                    Some(concat!(stringify!($in), "::", stringify!($module)))
                })*
                _ => None,
            }
        }
    };
}
pub(super) use typed;
