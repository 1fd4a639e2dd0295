//! SignalRfft with CMSIS-DSP's transforms.

use core::marker::PhantomData;

use sedge_runtime::schema::op::NodeExt as _;
use sedge_runtime::{Invoke, Kernel, Prepare, Refusal, Shape, Slot};

use crate::spectrum::{SLACK, Transform};

/// The kernel of SignalRfft for one type and length, to be named in an `op_set!` behind the semicolon, before which Sedge's own is
/// then not needed: `op_set![SignalFramer, SignalWindow; SignalRfft::<i16, 512>::NEW]`.
///
/// `[..., n]` to `[..., L + 2]`, zeros standing for the samples from `n` on; as [`Transform`] says. Other lengths of a model are
/// refused.
#[derive(Clone, Copy, Debug)]
pub struct SignalRfft<T, const L: usize>(PhantomData<fn() -> T>);

impl<T, const L: usize> SignalRfft<T, L> {
    /// The kernel.
    pub const NEW: Self = Self(PhantomData);
}

impl<T: Transform<L>, const L: usize> Kernel for SignalRfft<T, L> {
    fn custom_name(&self) -> &str {
        "SignalRfft"
    }

    fn prepare(&self, node: &mut Prepare<'_>) -> Result<(), Refusal> {
        node.arity(1, 1)?;
        for slot in [Slot::Input(0), Slot::Output(0)] {
            node.type_in(slot, &[T::TYPE])?;
        }
        let length = node.options()?.get("fft_length").and_then(|value| value.as_int());
        if length != Some(L as i64) {
            return Err(Refusal::Parameter("fft_length"));
        }
        let shape = node.input(0)?;
        let (row, outer) = shape.dims().split_last().ok_or(Refusal::Shape(Slot::Input(0)))?;
        if *row == 0 || *row as usize > L {
            return Err(Refusal::Shape(Slot::Input(0)));
        }
        let dims = outer.iter().copied().chain([L as u32 + 2]);
        node.set_shape(0, Shape::from_dims(dims).ok_or(Refusal::TooLarge)?)?;
        node.scratch((L + SLACK + T::OUTPUTS) * size_of::<T>())?;
        node.set_data(*row)
    }

    fn invoke(&self, node: &mut Invoke<'_>) -> Result<(), Refusal> {
        let row = *node.data::<u32>()? as usize;
        let to = node.output::<T>(0)?;
        let (signal, spectrum) =
            node.scratch::<T>()?.split_at_mut_checked(L + SLACK).ok_or(Refusal::Internal)?;
        for (from, to) in node.input::<T>(0)?.chunks_exact(row.max(1)).zip(to.chunks_exact_mut(L + 2)) {
            signal.fill(T::zeroed());
            signal.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
            T::transform(signal, spectrum).ok_or(Refusal::Internal)?;
            to.iter_mut().zip(&*spectrum).for_each(|(to, from)| *to = *from);
        }
        Ok(())
    }
}
