//! Between real numbers, the integers of quantized tensors, and types that `.npy` files do not have.

use half::bf16;
use sedge_runtime::schema::Quantization;
use sedge_runtime::{Shape, TensorType as T};

use super::Array;

/// The bytes of a quantized tensor of type `tensor_type` for real values: `round(x / scale) +
/// zero_point`, halves away from zero, clamped to the type. `None` where the tensor has no single
/// scale or is of a type that is not quantized.
pub fn quantize(values: &[f32], tensor_type: T, quantization: Option<Quantization<'_>>) -> Option<Array> {
    let quantization = quantization.filter(|q| !q.is_per_channel())?;
    let (scale, zero_point) = (quantization.scale_at(0), quantization.zero_point_at(0));
    let (low, high) = tensor_type.integer_range().filter(|_| scale > 0.0)?;
    let one = |x: f32| {
        (i64::from((x / scale).round() as i32) + i64::from(zero_point)).clamp(low.into(), high.into())
    };
    let integers = values.iter().map(|&x| one(x));
    let (unpacked, bytes): (T, Vec<u8>) = match tensor_type {
        T::Int8 => (T::Int8, integers.map(|v| v as u8).collect()),
        T::UInt8 => (T::UInt8, integers.map(|v| v as u8).collect()),
        T::Int16 => (T::Int16, integers.flat_map(|v| (v as i16).to_le_bytes()).collect()),
        T::UInt16 => (T::UInt16, integers.flat_map(|v| (v as u16).to_le_bytes()).collect()),
        T::Int32 => (T::Int32, integers.flat_map(|v| (v as i32).to_le_bytes()).collect()),
        T::Int4 | T::Int2 => (T::Int8, integers.map(|v| v as u8).collect()),
        T::UInt4 => (T::UInt8, integers.map(|v| v as u8).collect()),
        _ => return None,
    };
    Array::new(unpacked, vec![values.len()], bytes)
}

/// The real values of a quantized array, `scale * (q - zero_point)`, with one scale or one per index
/// of the quantized dimension. `None` where it has no scale or is no integer.
pub fn dequantize(array: &Array, quantization: Option<Quantization<'_>>) -> Option<Array> {
    let quantization = quantization?;
    let bytes = array.bytes();
    let integers: Vec<i32> = match array.tensor_type() {
        T::Int8 => bytes.iter().map(|&b| i32::from(b as i8)).collect(),
        T::UInt8 => bytes.iter().map(|&b| i32::from(b)).collect(),
        T::Int16 => bytes.as_chunks().0.iter().map(|&b| i16::from_le_bytes(b).into()).collect(),
        T::UInt16 => bytes.as_chunks().0.iter().map(|&b| u16::from_le_bytes(b).into()).collect(),
        T::Int32 => bytes.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b)).collect(),
        _ => return None,
    };
    let axis = usize::try_from(quantization.quantized_dimension()).ok()?;
    let channels = array.shape().get(axis).copied().unwrap_or(1).max(1);
    let inner: usize = array.shape().iter().skip(axis + 1).product();
    let real = |(i, q): (usize, i32)| {
        let channel = i / inner.max(1) % channels;
        let zero_point = quantization.zero_point_at(channel);
        quantization.scale_at(channel) * (i64::from(q) - i64::from(zero_point)) as f32
    };
    let values: Vec<f32> = integers.into_iter().enumerate().map(real).collect();
    Array::from_f32(array.shape().to_vec(), &values)
}

/// The real values that a tensor's bytes stand for; `None` for integers without a scale.
pub(crate) fn real_values(
    tensor_type: T,
    shape: &Shape,
    bytes: &[u8],
    quantization: Option<Quantization<'_>>,
) -> Option<Vec<f32>> {
    let array = widen(tensor_type, shape, bytes)?;
    if tensor_type == T::Float32 { array.to_f32() } else { dequantize(&array, quantization)?.to_f32() }
}

/// The type that stands for `tensor_type` in a `.npy` file: itself, or a wider one that holds all its
/// values.
pub(super) fn outside(tensor_type: T) -> T {
    match tensor_type {
        T::Int4 | T::Int2 => T::Int8,
        T::UInt4 => T::UInt8,
        T::BFloat16 | T::Float8E4M3Fn | T::Float8E5M2 => T::Float32,
        T::Resource => T::Int32,
        other => other,
    }
}

/// A tensor's bytes as an array of a type that `.npy` files have: packed integers become bytes,
/// bfloat16 and float8 become float32, everything else stays. `None` where the bytes do not fit.
pub fn widen(tensor_type: T, shape: &Shape, bytes: &[u8]) -> Option<Array> {
    let elements = shape.elements();
    let unpack = |bits: usize, signed: bool| -> Vec<u8> {
        let unsigned =
            |i: usize| bytes.get(i * bits / 8).map_or(0, |b| b >> (i * bits % 8)) & ((1 << bits) - 1);
        let extend = |v: u8| if signed { (((v << (8 - bits)) as i8) >> (8 - bits)) as u8 } else { v };
        (0..elements).map(|i| extend(unsigned(i))).collect()
    };
    let floats = |values: Vec<f32>| values.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>();
    let wide = match tensor_type {
        T::Int4 => unpack(4, true),
        T::Int2 => unpack(2, true),
        T::UInt4 => unpack(4, false),
        T::BFloat16 => floats(bytes.as_chunks().0.iter().map(|&b| bf16::from_le_bytes(b).to_f32()).collect()),
        T::Float8E4M3Fn => floats(bytes.iter().map(|&b| float8(b, 4, 3, true)).collect()),
        T::Float8E5M2 => floats(bytes.iter().map(|&b| float8(b, 5, 2, false)).collect()),
        _ => bytes.to_vec(),
    };
    Array::new(outside(tensor_type), shape.dims().iter().map(|&d| d as usize).collect(), wide)
}

/// The value of an 8-bit float with `exponent` and `fraction` bits below its sign.
fn float8(bits: u8, exponent: u32, fraction: u32, finite: bool) -> f32 {
    let sign = if bits & 0x80 != 0 { -1.0 } else { 1.0 };
    let field = u32::from(bits & 0x7f) >> fraction;
    let part = u32::from(bits) & ((1 << fraction) - 1);
    let bias = (1 << (exponent - 1)) - 1;
    let top = (1 << exponent) - 1;
    let scale = |power: i32| 2f32.powi(power - fraction as i32);
    let magnitude = match field {
        0 => part as f32 * scale(1 - bias),
        // With finite values only, the one pattern of all ones is not a number.
        f if f == top && finite && part == (1 << fraction) - 1 => f32::NAN,
        f if f == top && !finite => {
            if part == 0 {
                f32::INFINITY
            } else {
                f32::NAN
            }
        }
        f => (part + (1 << fraction)) as f32 * scale(f as i32 - bias),
    };
    sign * magnitude
}

/// The bytes that a tensor of type `tensor_type` has for an array of the type that stands for it; see
/// [`widen`]. `None` for a type that cannot be written.
pub fn pack(array: &Array, tensor_type: T) -> Option<Vec<u8>> {
    if array.tensor_type() != outside(tensor_type) {
        return None;
    }
    let bits = tensor_type.bits();
    match tensor_type {
        T::Int4 | T::Int2 | T::UInt4 => {
            let mut out = vec![0u8; tensor_type.bytes(array.elements())?];
            for (i, &value) in array.bytes().iter().enumerate() {
                let value = value & ((1 << bits) - 1);
                *out.get_mut(i * bits / 8)? |= value << (i * bits % 8);
            }
            Some(out)
        }
        T::BFloat16 => {
            Some(array.to_f32()?.into_iter().flat_map(|v| bf16::from_f32(v).to_le_bytes()).collect())
        }
        T::Float8E4M3Fn | T::Float8E5M2 => None,
        _ => Some(array.bytes().to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use sedge_runtime::{Shape, TensorType as T};

    use super::{float8, pack, widen};
    use crate::data::Array;

    #[test]
    fn packed_integers_come_back() {
        let shape = Shape::new(&[5]).unwrap();
        let array = Array::new(T::Int8, vec![5], [-8i8, 7, -1, 0, 3].map(|v| v as u8).to_vec()).unwrap();
        let packed = pack(&array, T::Int4).unwrap();
        assert_eq!(packed, [0x78, 0x0f, 0x03]);
        assert_eq!(widen(T::Int4, &shape, &packed), Some(array));
    }

    #[test]
    fn eight_bit_floats() {
        assert_eq!(float8(0x38, 4, 3, true), 1.0);
        assert_eq!(float8(0x7e, 4, 3, true), 448.0);
        assert!(float8(0x7f, 4, 3, true).is_nan());
        assert_eq!(float8(0xbc, 5, 2, false), -1.0);
        assert_eq!(float8(0x7c, 5, 2, false), f32::INFINITY);
        assert_eq!(float8(0x01, 5, 2, false), 2f32.powi(-16));
    }
}
