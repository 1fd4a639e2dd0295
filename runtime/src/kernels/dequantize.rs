//! DEQUANTIZE: `scale * (x - zero)` of int8, uint8, int16, int32 and int4; float16 widened. Source:
//! tflite's `reference/dequantize.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Dequantize, Node as _};
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, OUTPUT};
use crate::element::Element;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element type's code.
    kind: i32,
    scale: f32,
    zero: i32,
}

pub(super) fn prepare(_op: Dequantize, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = node.tensor_type(INPUT)?;
    node.type_in(OUTPUT, &[TensorType::Float32])?;
    let mut data = Data { kind: kind.code().into(), ..Data::zeroed() };
    match kind {
        TensorType::Float16 => {}
        TensorType::Int8
        | TensorType::UInt8
        | TensorType::Int16
        | TensorType::Int32
        | TensorType::Int4 => {
            let affine = node.affine(INPUT)?;
            (data.scale, data.zero) = (affine.scale, affine.zero_point);
        }
        _ => return Err(Refusal::Type(INPUT)),
    }
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let &Data { kind, scale, zero } = node.data::<Data>()?;
    // Differences of up to 24 bits are exact, so the product is rounded once.
    let real = |x: i32| scale * x.wrapping_sub(zero) as f32;
    match TensorType::from_code(kind as i8) {
        Some(TensorType::Int8) => widen::<i8>(node, |x| real(x.into())),
        Some(TensorType::UInt8) => widen::<u8>(node, |x| real(x.into())),
        Some(TensorType::Int16) => widen::<i16>(node, |x| real(x.into())),
        Some(TensorType::Int32) => {
            let scale = f64::from(scale);
            widen::<i32>(node, |x| (scale * (f64::from(x) - f64::from(zero))) as f32)
        }
        Some(TensorType::Float16) => widen::<u16>(node, half_to_float),
        _ => {
            let to = node.output::<f32>(0)?;
            let from = node.input::<u8>(0)?;
            // The low half of a byte comes first; shifts to the left and back extend the sign.
            let halves = from.iter().flat_map(|&x| [x << 4, x]);
            to.iter_mut().zip(halves).for_each(|(y, x)| *y = real((x as i8 >> 4).into()));
            Ok(())
        }
    }
}

fn widen<T: Element>(node: &mut Invoke<'_>, f: impl Fn(T) -> f32) -> Result<(), Refusal> {
    let to = node.output::<f32>(0)?;
    let from = node.input::<T>(0)?;
    to.iter_mut().zip(from).for_each(|(y, &x)| *y = f(x));
    Ok(())
}

/// The value of an IEEE 754 binary16 number.
fn half_to_float(bits: u16) -> f32 {
    let (sign, magnitude) = (u32::from(bits >> 15) << 31, u32::from(bits & 0x7fff));
    // Exponent and fraction in their places of a float32; its exponents are biased by 112 more, which a
    // multiplication by 2^112 makes up for, also where the number is subnormal.
    let magnitude = match magnitude {
        0x7c00.. => 0x7f80_0000 | magnitude << 13,
        _ => (f32::from_bits(magnitude << 13) * f32::from_bits((127 + 112) << 23)).to_bits(),
    };
    f32::from_bits(sign | magnitude)
}

#[cfg(test)]
mod tests {
    use super::half_to_float;

    #[test]
    fn halves_of_known_bits() {
        let known = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 2f32.powi(-24)),
            (0x8400, -(2f32.powi(-14))),
            (0x7c00, f32::INFINITY),
            (0x0000, 0.0),
        ];
        known.iter().for_each(|&(bits, real)| assert_eq!(half_to_float(bits), real));
        assert!(half_to_float(0x7e00).is_nan());
    }
}
