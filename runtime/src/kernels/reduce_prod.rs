//! REDUCE_PROD: `product of the reduced elements`, integers modulo their width. Quantized (int8, int16):
//! each factor but the first, and the whole product, is scaled by `scale_in / scale_out^(1 / count)`, so
//! that nothing overflows on the way. Source: tflite's reference `reduce.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::ReduceProd;
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, Integer, OUTPUT, reduce};
use crate::fixed::{Multiplier, round};
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    reduce: reduce::Data,
    /// Whether values have a scale.
    quantized: u32,
    zeros: [i32; 2],
    scale: Multiplier,
    /// The product of no elements: 1, quantized.
    one: i32,
}

pub(super) fn prepare(_op: ReduceProd, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    use TensorType::{Float32, Int8, Int16, Int32, Int64, UInt8};
    let kind = reduce::check_type(node, &[Float32, Int8, UInt8, Int16, Int32, Int64])?;
    let mut data = Data { reduce: reduce::prepare(node)?, ..Data::zeroed() };
    let has_scale = |slot| node.quantization(slot).map(|q| q.is_some_and(|q| !q.scale().is_empty()));
    let (input, output) = (has_scale(INPUT)?, has_scale(OUTPUT)?);
    if kind != Float32 && (input || output) {
        if !matches!(kind, Int8 | Int16) {
            return Err(Refusal::Quantization(INPUT));
        }
        let (input, output) = (node.affine(INPUT)?, node.affine(OUTPUT)?);
        let zeros = [(INPUT, input.zero_point), (OUTPUT, output.zero_point)];
        if let Some(&(slot, _)) = zeros.iter().find(|&&(_, zero)| kind == Int16 && zero != 0) {
            return Err(Refusal::Quantization(slot));
        }
        let root = libm::pow(output.scale.into(), 1.0 / f64::from(data.reduce.count));
        data.quantized = 1;
        data.zeros = zeros.map(|(_, zero)| zero);
        data.scale = Multiplier::from_real(f64::from(input.scale) / root);
        data.one = round(1.0 / output.scale);
    }
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = *node.data::<Data>()?;
    let reduce = &data.reduce;
    match (reduce.kind(), data.quantized != 0) {
        (Some(TensorType::Int8), true) => quantized::<i8>(node, &data),
        (Some(TensorType::Int16), true) => quantized::<i16>(node, &data),
        (Some(TensorType::Int8), false) => reduce::invoke(node, reduce, 1, i8::wrapping_mul, |y| y),
        (Some(TensorType::UInt8), _) => reduce::invoke(node, reduce, 1, u8::wrapping_mul, |y| y),
        (Some(TensorType::Int16), false) => reduce::invoke(node, reduce, 1, i16::wrapping_mul, |y| y),
        (Some(TensorType::Int32), _) => reduce::invoke(node, reduce, 1, i32::wrapping_mul, |y| y),
        (Some(TensorType::Int64), _) => reduce::invoke(node, reduce, 1, i64::wrapping_mul, |y| y),
        _ => reduce::invoke(node, reduce, 1.0, |product: f32, x: f32| product * x, |y| y),
    }
}

fn quantized<T: Integer>(node: &mut Invoke<'_>, data: &Data) -> Result<(), Refusal> {
    let [input_zero, output_zero] = data.zeros;
    let multiply = |product: Option<i32>, x: T| {
        let x = x.into().wrapping_sub(input_zero);
        Some(product.map_or(x, |product| data.scale.apply_i64(i64::from(product).wrapping_mul(x.into()))))
    };
    reduce::invoke(node, &data.reduce, None, multiply, |product| {
        let y = product.map_or(data.one, |product| data.scale.apply_i64(product.into()));
        T::saturate(y.saturating_add(output_zero))
    })
}
