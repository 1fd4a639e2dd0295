//! Kernels of operators that are int16 throughout: the spectrum of an audio front end, without the arithmetic of longer samples. A
//! program with an interpreter names it as those of [`int8`](super::int8); a compiled model calls the function.

use sedge_schema::{BuiltinOperator, Refusal, Slot, TensorType};

use super::typed::ensure;
use crate::node::{Invoke, Prepare};

fn allowed(_code: BuiltinOperator, _slot: Slot) -> &'static [TensorType] {
    &[TensorType::Int16]
}

/// Runs [`SignalRfft`](super::SignalRfft).
///
/// # Errors
/// As the operator's kernel.
pub fn signal_rfft(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    super::custom::signal_rfft_int16(node)
}

/// The kernel of [`SignalRfft`](super::SignalRfft) in int16.
#[derive(Clone, Copy, Debug)]
pub struct SignalRfft;

impl crate::Kernel for SignalRfft {
    fn custom_name(&self) -> &str {
        crate::Kernel::custom_name(&super::SignalRfft)
    }

    fn prepare(&self, node: &mut Prepare<'_>) -> Result<(), Refusal> {
        ensure(node, BuiltinOperator::Custom, allowed)?;
        crate::Kernel::prepare(&super::SignalRfft, node)
    }

    fn invoke(&self, node: &mut Invoke<'_>) -> Result<(), Refusal> {
        signal_rfft(node)
    }
}

/// The path of the function here that runs an operator, if one does.
#[cfg(feature = "std")]
pub(super) fn of(operator: &super::typed::Prepared<'_>) -> Option<&'static str> {
    let is_rfft = operator.custom_name == crate::Kernel::custom_name(&super::SignalRfft);
    (operator.code == BuiltinOperator::Custom && is_rfft && operator.has(allowed))
        .then_some("int16::signal_rfft")
}
