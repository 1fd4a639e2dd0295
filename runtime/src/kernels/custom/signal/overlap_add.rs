//! SignalOverlapAdd: adds frames, each `frame_step` samples after the one before, into a signal; int16
//! (sums clamped) or float32, `[..., n, size]` to `[..., n * step]`. What later frames add to is kept from
//! one invocation to the next, for each row.

use bytemuck::{Pod, Zeroable};
use sedge_schema::{Refusal, TensorType};

use super::{count, ending, rows, sample_type};
use crate::arena::Span;
use crate::element::Element;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    float: u32,
    size: u32,
    step: u32,
    frames: u32,
    sums: Span,
}

pub(in super::super) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = sample_type(node, &[TensorType::Int16, TensorType::Float32])?;
    let step = count(&node.options()?, "frame_step", 1)?;
    let (shape, size) = rows(node)?;
    if step as usize > size {
        return Err(Refusal::Parameter("frame_step"));
    }
    let to = |frames: usize| ending(&shape, 2, &[frames.saturating_mul(step as usize)]);
    let frames = shape.dims().iter().rev().nth(1).map_or(0, |&d| d as usize);
    let to = to(frames)?;
    let outer = shape.elements() / (frames * size).max(1);
    let sums = kind.bytes(outer * size).ok_or(Refusal::TooLarge)?;
    let sums = node.state(sums)?;
    node.set_shape(0, to)?;
    let float = (kind == TensorType::Float32).into();
    node.set_data(Data { float, size: size as u32, step, frames: frames as u32, sums })
}

pub(in super::super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = *node.data::<Data>()?;
    match data.float {
        0 => add::<i16>(node, &data, i16::saturating_add),
        _ => add::<f32>(node, &data, |a, b| a + b),
    }
}

fn add<T: Element>(node: &mut Invoke<'_>, data: &Data, add: impl Fn(T, T) -> T) -> Result<(), Refusal> {
    let (size, step, frames) = (data.size as usize, data.step as usize, data.frames as usize);
    let to = node.output::<T>(0)?;
    let sums = node.state::<T>(data.sums)?;
    let from = node.input::<T>(0)?;
    let rows = from.chunks_exact((frames * size).max(1)).zip(to.chunks_exact_mut((frames * step).max(1)));
    for (sums, (from, to)) in sums.chunks_exact_mut(size.max(1)).zip(rows) {
        for (frame, to) in from.chunks_exact(size.max(1)).zip(to.chunks_exact_mut(step.max(1))) {
            sums.iter_mut().zip(frame).for_each(|(sum, &x)| *sum = add(*sum, x));
            to.iter_mut().zip(sums.iter()).for_each(|(y, &sum)| *y = sum);
            sums.copy_within(step.min(size).., 0);
            sums.iter_mut().rev().take(step).for_each(|sum| *sum = T::zeroed());
        }
    }
    Ok(())
}
