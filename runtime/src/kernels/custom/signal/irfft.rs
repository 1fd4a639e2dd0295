//! SignalIrfft: the real signal that has this spectrum, the inverse of SignalRfft; `[..., L + 2]` to `[...,
//! L]`. Options: `fft_length` (L), `T`.

use sedge_schema::{Refusal, Slot, TensorType};

use super::fft::{self, Plan, Sample};
use super::{ending, rows, sample_type};
use crate::node::{Invoke, Prepare};

pub(in super::super) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = sample_type(node, fft::TYPES)?;
    let (shape, row) = rows(node)?;
    let plan = Plan::new(node, kind, true)?;
    if row != plan.length() + 2 {
        return Err(Refusal::Shape(Slot::Input(0)));
    }
    node.set_shape(0, ending(&shape, 1, &[plan.length()])?)?;
    node.scratch(kind.bytes(plan.length()).ok_or(Refusal::TooLarge)?)?;
    node.set_data(plan.with_row(row))
}

pub(in super::super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    match node.data::<Plan>()?.kind() {
        Some(TensorType::Int16) => run::<i16>(node),
        Some(TensorType::Int32) => run::<i32>(node),
        _ => run::<f32>(node),
    }
}

fn run<T: Sample>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let plan = *node.data::<Plan>()?;
    let tables = plan.tables::<T>(node);
    let to = node.output::<T>(0)?;
    let work = node.scratch::<T>()?;
    let rows = node.input::<T>(0)?.chunks_exact((plan.length() + 2).max(1));
    for (from, to) in rows.zip(to.chunks_exact_mut(plan.length().max(1))) {
        fft::backward(&plan, &tables, fft::pairs(from), fft::pairs_mut(work), fft::pairs_mut(to))
            .ok_or(Refusal::Internal)?;
        T::finish_backward(to);
    }
    Ok(())
}
