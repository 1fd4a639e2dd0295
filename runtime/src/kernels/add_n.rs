//! ADD_N: `x_0 + x_1 + ...`. float32; int32, wrapping. int8, all inputs with one scale: values without
//! their zero point, shifted left by 20 bits and scaled by 1/2, are added up, and sums scaled to the
//! output. Sums start at what the value 0 comes to, as they do in tflite-micro: a zero point other than
//! 0 moves all of them. Source: tflite-micro's `add_n.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{AddN, Node as _};
use sedge_schema::{Refusal, Slot, TensorType};

use super::shared::sum::Quantized;
use super::shared::{INPUT, same_quantization, same_type};
use crate::element::Element;
use crate::node::{Invoke, Prepare};

/// Sums that are worked out at a time.
const BLOCK: usize = 64;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element type's code.
    kind: i32,
    quantized: Quantized,
}

pub(super) fn prepare(_op: AddN, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    node.type_in(INPUT, &[TensorType::Float32, TensorType::Int32, TensorType::Int8])?;
    for slot in (1..node.inputs()).map(|i| Slot::Input(i as u8)) {
        node.type_in(slot, &[kind])?;
        if !same_quantization(node, INPUT, slot)? {
            return Err(Refusal::Quantization(slot));
        }
    }
    let quantized = Quantized::new(node, kind)?;
    node.set_data(Data { kind: kind.code().into(), quantized })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Int8) => {
            let q = &data.quantized;
            sum(node, q.start(), |sum, x: i8| q.add(sum, x), |sum| q.finish(sum))
        }
        Some(TensorType::Int32) => sum(node, 0, i32::wrapping_add, |sum| sum),
        _ => sum(node, 0.0, |sum: f32, x: f32| sum + x, |sum| sum),
    }
}

/// Adds up all inputs from `start` on, by `add`; `finish` turns sums into elements.
fn sum<T: Element, A: Copy>(
    node: &mut Invoke<'_>,
    start: A,
    add: impl Fn(A, T) -> A,
    finish: impl Fn(A) -> T,
) -> Result<(), Refusal> {
    let to = node.output::<T>(0)?;
    for (block, to) in to.chunks_mut(BLOCK).enumerate() {
        let mut sums = [start; BLOCK];
        for i in 0..node.inputs() {
            let from = node.input::<T>(i)?.get(block * BLOCK..).ok_or(Refusal::Internal)?;
            sums.iter_mut().zip(from).for_each(|(sum, &x)| *sum = add(*sum, x));
        }
        to.iter_mut().zip(sums).for_each(|(y, sum)| *y = finish(sum));
    }
    Ok(())
}
