//! SignalDelay: `out[t] = in[t - delay_length]`, zeros before the first sample; int16. The innermost
//! dimension is time, which goes on from one invocation to the next; each row has its own past.

use bytemuck::{Pod, Zeroable};
use sedge_schema::{Refusal, TensorType::Int16};

use super::{count, rows, types};
use crate::arena::Span;
use crate::node::{Invoke, Prepare};
use crate::slices;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    row: u32,
    delay: u32,
    past: Span,
}

pub(in super::super) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    types(node, &[Int16], &[Int16])?;
    let delay = count(&node.options()?, "delay_length", 0)?;
    let (shape, row) = rows(node)?;
    let past = (shape.elements() / row).checked_mul(size_of::<i16>() * delay as usize);
    let past = node.state(past.ok_or(Refusal::TooLarge)?)?;
    node.set_shape(0, shape)?;
    node.set_data(Data { row: row as u32, delay, past })
}

pub(in super::super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let Data { row, delay, past } = *node.data::<Data>()?;
    let (row, delay) = (row as usize, delay as usize);
    let to = node.output::<i16>(0)?;
    let past = node.state::<i16>(past)?;
    let from = node.input::<i16>(0)?;
    if delay == 0 {
        to.iter_mut().zip(from).for_each(|(y, &x)| *y = x);
        return Ok(());
    }
    let rows = from.chunks_exact(row.max(1)).zip(to.chunks_exact_mut(row.max(1)));
    for (past, (from, to)) in past.chunks_exact_mut(delay.max(1)).zip(rows) {
        let samples = past.iter().chain(from);
        to.iter_mut().zip(samples).for_each(|(y, &x)| *y = x);
        // What follows the samples that went out is the past of the next invocation.
        let gone = row.min(delay);
        slices::copy_within(past, gone, delay - gone, 0).ok_or(Refusal::Internal)?;
        let newest = past.iter_mut().rev().take(gone);
        newest.zip(from.iter().rev()).for_each(|(past, &x)| *past = x);
    }
    Ok(())
}
