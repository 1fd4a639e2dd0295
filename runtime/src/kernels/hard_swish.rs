//! HARD_SWISH: `x * min(max(x + 3, 0), 6) / 6`. int8 and uint8 in 16-bit fixed point. Source: tflite's
//! `hard_swish.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::HardSwish;
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, Integer, OUTPUT, map, same_type};
use crate::fixed::{Multiplier, rounding_shift_right};
use crate::node::{Invoke, Prepare};

/// Bits that values are shifted left by, so that they use the 16 there are.
const HEADROOM: u32 = 7;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element type's code.
    kind: i32,
    input_zero: i32,
    output_zero: i32,
    /// Shifted values to the output: a factor of 16 bits, and a shift to the right.
    output_factor: i32,
    output_shift: u32,
    /// Shifted values to where 2^15 stands for 3: a factor of 16 bits, and a shift to the left where
    /// positive, to the right where negative.
    gate_factor: i32,
    gate_shift: i32,
}

pub(super) fn prepare(_op: HardSwish, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    let mut data = Data { kind: kind.code().into(), ..Data::zeroed() };
    match kind {
        TensorType::Float32 => {}
        TensorType::Int8 | TensorType::UInt8 => {
            let (input, output) = (node.affine(INPUT)?, node.affine(OUTPUT)?);
            (data.input_zero, data.output_zero) = (input.zero_point, output.zero_point);
            let shifted = input.scale * (1.0 / (1 << HEADROOM) as f32);
            let to_output = Multiplier::from_real((shifted / output.scale).into());
            let to_gate = Multiplier::from_real((shifted / (3.0 / 32768.0)).into());
            if to_output.shift > 0 {
                return Err(Refusal::Quantization(OUTPUT));
            }
            data.output_factor = upper_half(to_output.q);
            data.output_shift = to_output.shift.unsigned_abs();
            (data.gate_factor, data.gate_shift) = (upper_half(to_gate.q), to_gate.shift);
        }
        _ => return Err(Refusal::Type(INPUT)),
    }
    node.overwrite(0, 0);
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Int8) => map::<i8>(node, |x| quantized(data, x)),
        Some(TensorType::UInt8) => map::<u8>(node, |x| quantized(data, x)),
        _ => map::<f32>(node, |x| x * super::shared::clamp_float(x + 3.0, 0.0, 6.0) / 6.0),
    }
}

/// A Q31 number as a Q15 one, rounded halves up.
fn upper_half(q: i32) -> i32 {
    (q.saturating_add(1 << 15) >> 16).min(i16::MAX.into())
}

fn saturate(x: i32) -> i32 {
    x.clamp(i16::MIN.into(), i16::MAX.into())
}

/// `round(a * b / 2^15)` of 16-bit numbers, halves up, saturating.
fn high_mul(a: i32, b: i32) -> i32 {
    saturate((a * b + (1 << 14)) >> 15)
}

/// All numbers have 16 bits.
fn quantized<T: Integer>(data: &Data, x: T) -> T {
    let x = (x.into() - data.input_zero) << HEADROOM;
    let on_output = high_mul(x, data.output_factor);
    // From [-3, 3] to [-1, 1]. The last shift to the left is the one that saturates.
    let shift = data.gate_shift;
    let gate = if shift > 0 {
        let before = saturate(x << (shift - 1).min(15));
        saturate(high_mul(before, data.gate_factor) << 1)
    } else {
        rounding_shift_right(high_mul(x, data.gate_factor), shift.unsigned_abs())
    };
    // To [0, 1].
    let gate = (gate + (1 << 15)) >> 1;
    // This product is rounded towards zero.
    let product = gate * on_output / (1 << 15);
    T::saturate(rounding_shift_right(product, data.output_shift) + data.output_zero)
}
