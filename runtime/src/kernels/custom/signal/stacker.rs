//! SignalStacker: puts frames of `num_channels` numbers one after another: each with the
//! `stacker_left_context` before it and the `stacker_right_context` after it, every `stacker_step` frames.
//! int16, one frame at a time; the first frame stands for those before it as well. Output 1, bool, is true
//! where output 0 was made; it holds zeros otherwise.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::NodeExt as _;
use sedge_schema::{Refusal, Shape, Slot, TensorType};

use super::{count, types};
use crate::arena::Span;
use crate::kernels::shared::copy_slice;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    channels: u32,
    left: u32,
    /// Frames that are put together.
    frames: u32,
    step: u32,
    kept: Span,
}

pub(in super::super) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    types(node, &[TensorType::Int16], &[TensorType::Int16, TensorType::Bool])?;
    let options = node.options()?;
    let channels = count(&options, "num_channels", 1)?;
    let left = count(&options, "stacker_left_context", 0)?;
    let frames = left + count(&options, "stacker_right_context", 0)? + 1;
    let step = count(&options, "stacker_step", 1)?;
    if step > frames {
        return Err(Refusal::Parameter("stacker_step"));
    }
    if node.input_of_rank(0, 1)?.elements() != channels as usize {
        return Err(Refusal::Shape(Slot::Input(0)));
    }
    let elements = channels.checked_mul(frames).ok_or(Refusal::TooLarge)?;
    node.set_shape(0, Shape::new(&[elements]).ok_or(Refusal::TooLarge)?)?;
    node.set_shape(1, Shape::default())?;
    // Before the frames stand two numbers: whether there was one at all, and how many there are.
    let bytes = (elements as usize).checked_add(4).and_then(|n| n.checked_mul(size_of::<i16>()));
    let kept = node.state(bytes.ok_or(Refusal::TooLarge)?)?;
    node.set_data(Data { channels, left, frames, step, kept })
}

pub(in super::super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = *node.data::<Data>()?;
    let channels = data.channels as usize;
    let (to, valid) = (node.output::<i16>(0)?, node.output::<u8>(1)?);
    let state = node.state::<u8>(data.kept)?;
    let (numbers, kept) = state.split_at_mut_checked(8).ok_or(Refusal::Internal)?;
    let numbers: &mut [u32] = bytemuck::try_cast_slice_mut(numbers).map_err(|_| Refusal::Internal)?;
    let kept: &mut [i16] = bytemuck::try_cast_slice_mut(kept).map_err(|_| Refusal::Internal)?;
    let [started, count] = numbers.first_chunk_mut().ok_or(Refusal::Internal)?;
    let frame = node.input::<i16>(0)?;
    let times = if *started == 0 { 1 + data.left } else { 1 };
    *started = 1;
    let free = kept.chunks_exact_mut(channels.max(1)).skip(*count as usize);
    free.take(times as usize).try_for_each(|to| copy_slice(frame, to))?;
    *count += times;
    let made = *count >= data.frames;
    valid.fill(made.into());
    if made {
        to.iter_mut().zip(kept.iter()).for_each(|(y, &x)| *y = x);
        *count -= data.step;
        kept.copy_within((data.step as usize * channels).min(kept.len()).., 0);
    } else {
        to.fill(0);
    }
    Ok(())
}
