//! SignalFramer: cuts a signal into frames of `frame_size` samples, each `frame_step` after the one before;
//! int16, `[..., n * step]` to `[..., n, size]`. Samples that later frames need are kept from one
//! invocation to the next, for each row. Output 1, bool, is false where there were too few samples for
//! some frame, which holds zeros then; with `prefill` zeros stand before the first sample instead.

use bytemuck::{Pod, Zeroable};
use sedge_schema::{Refusal, Shape, TensorType};

use super::{count, ending, rows, types};
use crate::arena::Span;
use crate::node::{Invoke, Prepare};
use crate::slices;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    size: u32,
    step: u32,
    frames: u32,
    /// Samples kept at first: those that `prefill` asks for.
    first: u32,
    /// Samples that are kept at most, of each row.
    capacity: u32,
    kept: Span,
}

pub(in super::super) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    types(node, &[TensorType::Int16], &[TensorType::Int16, TensorType::Bool])?;
    let options = node.options()?;
    let (size, step) = (count(&options, "frame_size", 1)?, count(&options, "frame_step", 1)?);
    let prefill = options.get("prefill").and_then(|v| v.as_bool()).ok_or(Refusal::Parameter("prefill"))?;
    let (shape, row) = rows(node)?;
    if !row.is_multiple_of(step as usize) {
        return Err(Refusal::Parameter("frame_step"));
    }
    let frames = row / (step as usize).max(1);
    let capacity = size.next_multiple_of(step);
    // Before each row's samples stands how many more there are than at first.
    let words = (2 + capacity as usize).checked_mul(shape.elements().checked_div(row).unwrap_or(0));
    let bytes = words.and_then(|words| words.checked_mul(size_of::<i16>())).ok_or(Refusal::TooLarge)?;
    let kept = node.state(bytes)?;
    node.set_shape(0, ending(&shape, 1, &[frames, size as usize])?)?;
    node.set_shape(1, Shape::default())?;
    let first = if prefill { size.saturating_sub(step) } else { 0 };
    node.set_data(Data { size, step, frames: frames as u32, first, capacity, kept })
}

pub(in super::super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = *node.data::<Data>()?;
    let (size, step) = (data.size as usize, data.step as usize);
    let (to, valid) = (node.output::<i16>(0)?, node.output::<u8>(1)?);
    let state = node.state::<i16>(data.kept)?;
    let from = node.input::<i16>(0)?;
    let (rows_in, rows_out) = (data.frames as usize * step, data.frames as usize * size);
    let rows = from.chunks_exact(rows_in.max(1)).zip(to.chunks_exact_mut(rows_out.max(1)));
    valid.fill(1);
    for (state, (from, to)) in state.chunks_exact_mut((2 + data.capacity as usize).max(1)).zip(rows) {
        let (count, samples) = state.split_first_chunk_mut::<2>().ok_or(Refusal::Internal)?;
        let mut kept = data.first as usize + u32_of(*count) as usize;
        for (from, to) in from.chunks_exact(step.max(1)).zip(to.chunks_exact_mut(size.max(1))) {
            slices::copy(from, samples.get_mut(kept..kept + step).ok_or(Refusal::Internal)?);
            kept += step;
            match samples.get(..size).filter(|_| kept >= size) {
                Some(frame) => {
                    slices::copy(frame, to);
                    let gone = step.min(kept);
                    kept -= gone;
                    slices::copy_within(samples, gone, kept, 0).ok_or(Refusal::Internal)?;
                }
                None => {
                    to.fill(0);
                    valid.fill(0);
                }
            }
        }
        *count = halves_of((kept as u32).wrapping_sub(data.first));
    }
    Ok(())
}

/// A number kept in two elements.
fn u32_of([low, high]: [i16; 2]) -> u32 {
    u32::from(low as u16) | u32::from(high as u16) << 16
}

fn halves_of(x: u32) -> [i16; 2] {
    [x as i16, (x >> 16) as i16]
}
