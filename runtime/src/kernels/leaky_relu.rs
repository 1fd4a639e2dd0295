//! LEAKY_RELU: `x` where `x > 0`, otherwise `alpha * x`. Quantized values are rescaled to the output by
//! `scale_in / scale_out`, or `alpha` times that, computed in float32. Source: tflite's `leaky_relu.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::LeakyRelu;
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, Integer, OUTPUT, map, same_type};
use crate::fixed::Multiplier;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element type's code.
    kind: i32,
    alpha: f32,
    input_zero: i32,
    output_zero: i32,
    /// Of positive values.
    positive: Multiplier,
    /// Of negative values, without the sign of `alpha`.
    negative: Multiplier,
}

pub(super) fn prepare(op: LeakyRelu, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    let mut data = Data { kind: kind.code().into(), alpha: op.alpha, ..Data::zeroed() };
    match kind {
        TensorType::Float32 => {}
        TensorType::Int8 | TensorType::UInt8 | TensorType::Int16 => {
            let (input, output) = (node.affine(INPUT)?, node.affine(OUTPUT)?);
            (data.input_zero, data.output_zero) = (input.zero_point, output.zero_point);
            data.positive = Multiplier::from_real((input.scale / output.scale).into());
            let negative = input.scale * op.alpha / output.scale;
            data.negative = Multiplier::from_real(libm::fabsf(negative).into());
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
        Some(TensorType::Int16) => map::<i16>(node, |x| quantized(data, x)),
        // `alpha` may be negative or above 1, so this is no maximum.
        _ => map::<f32>(node, |x| if x > 0.0 { x } else { data.alpha * x }),
    }
}

#[inline]
fn quantized<T: Integer>(data: &Data, x: T) -> T {
    let x = x.into().wrapping_sub(data.input_zero);
    let y = match x {
        0.. => data.positive.apply(x),
        _ if data.alpha < 0.0 => data.negative.apply(x).wrapping_neg(),
        _ => data.negative.apply(x),
    };
    T::saturate(y.saturating_add(data.output_zero))
}
