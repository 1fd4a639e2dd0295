//! DIV: `clamp(a / b)`. float32; int32, towards zero. Quantized (int8, uint8, int16): the dividend times
//! the divisor's reciprocal in fixed point, scaled to the output (tflite's `div.h`). No integer divisor
//! may be 0.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::Div;
use sedge_schema::{Refusal, TensorType};

use super::shared::binary::{Broadcast, SECOND, common_type, no_scales};
use super::shared::{INPUT, Integer, OUTPUT, clamp_float};
use crate::fixed::{Multiplier, doubling_high_mul, quantized_range, reciprocal, rounding_shift_right};
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    plan: Broadcast,
    /// The element type's code.
    kind: i32,
    /// The activation's interval.
    low: f32,
    high: f32,
    zeros: [i32; 2],
    output_zero: i32,
    output: Multiplier,
    min: i32,
    max: i32,
}

pub(super) fn prepare(op: Div, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = common_type(node)?;
    let (low, high) = op.activation.range().ok_or(Refusal::Parameter("fused_activation_function"))?;
    let mut data = Data { kind: kind.code().into(), low, high, ..Data::zeroed() };
    match kind {
        TensorType::Float32 => {}
        TensorType::Int32 => no_scales(node)?,
        TensorType::Int8 | TensorType::UInt8 | TensorType::Int16 => {
            let (a, b, output) = (node.affine(INPUT)?, node.affine(SECOND)?, node.affine(OUTPUT)?);
            let (least, most) = kind.integer_range().ok_or(Refusal::Type(INPUT))?;
            (data.min, data.max) = quantized_range((low, high), output.scale, output.zero_point, least, most);
            data.zeros = [a.zero_point, b.zero_point];
            data.output_zero = output.zero_point;
            // The references divide in float32.
            data.output = Multiplier::from_real((a.scale / (b.scale * output.scale)).into());
        }
        _ => return Err(Refusal::Type(INPUT)),
    }
    data.plan = Broadcast::prepare(node)?;
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = *node.data::<Data>()?;
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Int8) => quantized::<i8>(node, &data),
        Some(TensorType::UInt8) => quantized::<u8>(node, &data),
        Some(TensorType::Int16) => quantized::<i16>(node, &data),
        Some(TensorType::Int32) => invoke_int32(node),
        _ => data.plan.run(node, |a: f32, b: f32| clamp_float(a / b, data.low, data.high)),
    }
}

/// As [`invoke`], where all is int32.
pub(super) fn invoke_int32(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let &Data { plan, low, high, .. } = node.data::<Data>()?;
    // Infinite ends become the type's own.
    let (low, high) = (low as i32, high as i32);
    nowhere::<i32>(node, 0)?;
    plan.run(node, |a: i32, b: i32| match b {
        0 => 0,
        _ => a.wrapping_div(b).max(low).min(high),
    })
}

/// Refuses divisors of this value.
fn nowhere<T: Integer>(node: &Invoke<'_>, zero: i32) -> Result<(), Refusal> {
    let divisors = node.input::<T>(1)?;
    if divisors.iter().any(|&b| b.into() == zero) { Err(Refusal::Value(SECOND)) } else { Ok(()) }
}

fn quantized<T: Integer>(node: &mut Invoke<'_>, data: &Data) -> Result<(), Refusal> {
    nowhere::<T>(node, data.zeros[1])?;
    data.plan.run(node, |a: T, b: T| {
        let (a, b) = (a.into().wrapping_sub(data.zeros[0]), b.into().wrapping_sub(data.zeros[1]));
        let (a, b) = if b < 0 { (a.wrapping_neg(), b.wrapping_neg()) } else { (a, b) };
        let (inverse, shift) = reciprocal(b, 31);
        // As far to the left as the dividend's magnitude allows.
        let magnitude =
            if a < 0 { (a.wrapping_neg() as u32).wrapping_mul(2).wrapping_sub(1) } else { a as u32 };
        let headroom = magnitude.leading_zeros() as i32 - i32::from(a >= 0);
        let quotient = doubling_high_mul(a.wrapping_shl(headroom as u32), inverse);
        let product = doubling_high_mul(quotient, data.output.q);
        let exponent = shift.saturating_add(headroom).saturating_sub(data.output.shift).max(0) as u32;
        let scaled = match exponent {
            0..=31 => rounding_shift_right(product, exponent),
            // The reference's rounding takes all bits of a dividend of 0 for more than a half here.
            _ => i32::from(a == 0),
        };
        T::narrow(scaled.saturating_add(data.output_zero).max(data.min).min(data.max))
    })
}
