//! SignalRfft: the spectrum of a real signal: `out[k] = sum over t of in[t] * exp(-2 pi i k t / L)` for `k =
//! 0..=L/2`, real and imaginary parts in turn; `[..., n]` to `[..., L + 2]`, zeros standing for the samples
//! from `n` on. int16 and int32 are divided by `L` on the way, in steps; float32 is not divided. Options:
//! `fft_length` (L), `T`.

use sedge_schema::{Refusal, Slot, TensorType};

use super::fft::{self, Plan, Sample};
use super::{ending, rows, sample_type};
use crate::node::{Invoke, Prepare};

pub(in super::super) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = sample_type(node, fft::TYPES)?;
    let (shape, row) = rows(node)?;
    let plan = Plan::new(node, kind, false)?;
    if row > plan.length() {
        return Err(Refusal::Shape(Slot::Input(0)));
    }
    node.set_shape(0, ending(&shape, 1, &[plan.length() + 2])?)?;
    // The padded samples, and the spectrum of half the length.
    node.scratch(kind.bytes(2 * plan.length()).ok_or(Refusal::TooLarge)?)?;
    node.set_data(plan.with_row(row))
}

pub(in super::super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    match node.data::<Plan>()?.kind() {
        Some(TensorType::Int16) => run::<i16>(node),
        Some(TensorType::Int32) => run::<i32>(node),
        _ => run::<f32>(node),
    }
}

/// As [`invoke`], for int16.
pub(in super::super) fn invoke_int16(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    run::<i16>(node)
}

fn run<T: Sample>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let plan = *node.data::<Plan>()?;
    let tables = plan.tables::<T>(node);
    let to = node.output::<T>(0)?;
    let scratch = node.scratch::<T>()?;
    let (samples, work) = scratch.split_at_mut_checked(plan.length()).ok_or(Refusal::Internal)?;
    let rows = node.input::<T>(0)?.chunks_exact(plan.row().max(1));
    for (from, to) in rows.zip(to.chunks_exact_mut((plan.length() + 2).max(1))) {
        samples.fill(T::zeroed());
        samples.iter_mut().zip(from).for_each(|(y, &x)| *y = x);
        fft::forward(&plan, &tables, fft::pairs(samples), fft::pairs_mut(work), fft::pairs_mut(to))
            .ok_or(Refusal::Internal)?;
    }
    Ok(())
}
