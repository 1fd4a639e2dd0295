//! Operators that clamp: RELU, RELU6 and their like.
//!
//! float32: `min(max(x, low), high)`. Quantized: the value is rescaled to the output's scale first,
//! `y = clamp(zero_out + (x - zero_in) * (scale_in / scale_out))`, clamped to the quantized interval. The quotient is one of
//! float32, as in tflite-micro's and LiteRT's kernels.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::Activation;
use sedge_schema::{Refusal, TensorType};

use super::{INPUT, OUTPUT, clamp_float, map, same_type};
use crate::fixed::{Multiplier, quantized_range};
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element type's code.
    kind: i32,
    low: f32,
    high: f32,
    rescale: Multiplier,
    input_zero: i32,
    output_zero: i32,
    min: i32,
    max: i32,
}

pub(crate) fn prepare(node: &mut Prepare<'_>, activation: Activation) -> Result<(), Refusal> {
    prepare_range(node, activation.range().ok_or(Refusal::Parameter("activation"))?)
}

pub(crate) fn prepare_range(node: &mut Prepare<'_>, (low, high): (f32, f32)) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    let mut data = Data { kind: kind.code().into(), low, high, ..Data::zeroed() };
    match kind {
        TensorType::Float32 => {}
        TensorType::Int8 | TensorType::UInt8 | TensorType::Int16 => {
            let (input, output) = (node.affine(INPUT)?, node.affine(OUTPUT)?);
            let range = kind.integer_range().ok_or(Refusal::Type(INPUT))?;
            (data.min, data.max) =
                quantized_range((low, high), output.scale, output.zero_point, range.0, range.1);
            data.rescale = factor(input.scale, output.scale);
            (data.input_zero, data.output_zero) = (input.zero_point, output.zero_point);
        }
        _ => return Err(Refusal::Type(INPUT)),
    }
    node.overwrite(0, 0);
    node.set_data(data)
}

/// What quantized values are multiplied with.
fn factor(input: f32, output: f32) -> Multiplier {
    Multiplier::from_real(f64::from(input / output))
}

pub(crate) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let rescaled = |x: i32| {
        let y = data.rescale.apply(x.wrapping_sub(data.input_zero)).saturating_add(data.output_zero);
        y.max(data.min).min(data.max)
    };
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Int8) => map::<i8>(node, |x| rescaled(x.into()) as i8),
        Some(TensorType::UInt8) => map::<u8>(node, |x| rescaled(x.into()) as u8),
        Some(TensorType::Int16) => map::<i16>(node, |x| rescaled(x.into()) as i16),
        _ => map::<f32>(node, |x| clamp_float(x, data.low, data.high)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value that LiteRT's reference kernel gives; a quotient of float64 gives 30437.
    #[test]
    fn scales_are_divided_in_float32() {
        assert_eq!(factor(9.130_143e-5, 8.334_763e-5).apply(27785), 30436);
    }
}
