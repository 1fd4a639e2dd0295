//! CUMSUM: `out[i] = x[0] + ... + x[i]` along one dimension. float32; int32 and int64, wrapping. int8:
//! values without their zero point, shifted left by 20 bits and scaled by 1/2, are added up, and sums
//! scaled to the output. Sums start at what the value 0 comes to, as they do in tflite-micro: a zero
//! point other than 0 moves all of them. Source: tflite's `cumsum.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Cumsum, NodeExt as _};
use sedge_schema::{MAX_RANK, Refusal, Slot, TensorType};

use super::shared::sum::Quantized;
use super::shared::{in_place, same_type};
use crate::element::Element;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element type's code.
    kind: i32,
    exclusive: u32,
    reverse: u32,
    /// Elements along the dimension, and those that lie between two of them.
    depth: u32,
    inner: u32,
    quantized: Quantized,
}

pub(super) fn prepare(op: Cumsum, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    node.type_in(Slot::Input(1), &[TensorType::Int32])?;
    let input = node.input(0)?;
    let axis = node.axis(1, 0, &input)?;
    let quantized = Quantized::new(node, kind)?;
    node.overwrite(0, 0);
    node.set_data(Data {
        kind: kind.code().into(),
        exclusive: op.exclusive.into(),
        reverse: op.reverse.into(),
        depth: input.dim(axis) as u32,
        inner: input.elements_in(axis + 1..MAX_RANK) as u32,
        quantized,
    })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Int8) => {
            let q = &data.quantized;
            scan(node, data, q.start(), |sum, x: i8| q.add(sum, x), |sum| q.finish(sum))
        }
        Some(TensorType::Int32) => scan(node, data, 0, i32::wrapping_add, |sum| sum),
        Some(TensorType::Int64) => scan(node, data, 0, i64::wrapping_add, |sum| sum),
        _ => scan(node, data, 0.0, |sum: f32, x: f32| sum + x, |sum| sum),
    }
}

/// Makes sums from `start` on, by `add`; `finish` turns them into elements.
fn scan<T: Element, A: Copy>(
    node: &mut Invoke<'_>,
    data: &Data,
    start: A,
    add: impl Fn(A, T) -> A,
    finish: impl Fn(A) -> T,
) -> Result<(), Refusal> {
    let values = in_place::<T>(node)?;
    let (depth, inner) = (data.depth as usize, (data.inner as usize).max(1));
    let step = |sum: &mut A, x: &mut T| {
        let before = *sum;
        *sum = add(before, *x);
        *x = finish(if data.exclusive != 0 { before } else { *sum });
    };
    for block in values.chunks_exact_mut(depth.saturating_mul(inner).max(1)) {
        for first in 0..inner {
            let mut sum = start;
            let along = block.get_mut(first..).unwrap_or_default().iter_mut().step_by(inner);
            if data.reverse != 0 {
                along.rev().for_each(|x| step(&mut sum, x));
            } else {
                along.for_each(|x| step(&mut sum, x));
            }
        }
    }
    Ok(())
}
