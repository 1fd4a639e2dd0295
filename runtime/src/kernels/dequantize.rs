//! DEQUANTIZE: `scale * (x - zero)` of int8, uint8, int16, int32 and int4; float16 widened. Source:
//! tflite's `reference/dequantize.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Dequantize, Node as _, NodeExt as _};
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, OUTPUT, half};
use crate::arena::Span;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element type's code.
    kind: i32,
    /// [`Channel`]s, one or as many as the dimension that they count has.
    channels: Span,
    /// Neighbouring elements of one channel.
    run: u32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Channel {
    scale: f32,
    zero: i32,
}

pub(super) fn prepare(_op: Dequantize, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = node.tensor_type(INPUT)?;
    node.type_in(OUTPUT, &[TensorType::Float32])?;
    let mut data = Data { kind: kind.code().into(), ..Data::zeroed() };
    match kind {
        TensorType::Float16 => {}
        TensorType::Int8 | TensorType::UInt8 | TensorType::Int16 | TensorType::Int32 | TensorType::Int4 => {
            let shape = node.input(0)?;
            let refused = Refusal::Quantization(INPUT);
            let quantization = node.quantization(INPUT)?.ok_or(refused)?;
            let count = quantization.scale().len();
            data.run = shape.elements() as u32;
            if quantization.is_per_channel() {
                let axis = shape.axis(quantization.quantized_dimension().into()).ok_or(refused)?;
                if shape.dim(axis) != count {
                    return Err(refused);
                }
                data.run = shape.elements_in(axis + 1..shape.rank()) as u32;
            } else {
                node.affine(INPUT)?;
            }
            data.channels = node.list::<Channel>(count)?;
            for (c, channel) in node.list_mut::<Channel>(data.channels).iter_mut().enumerate() {
                let (scale, zero) = (quantization.scale_at(c), quantization.zero_point_at(c));
                *channel = Channel { scale, zero };
            }
        }
        _ => return Err(Refusal::Type(INPUT)),
    }
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let to = node.output::<f32>(0)?;
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Int8) => real(node, data, to, node.input::<i8>(0)?.iter().map(|&x| x.into())),
        Some(TensorType::UInt8) => real(node, data, to, node.input::<u8>(0)?.iter().map(|&x| x.into())),
        Some(TensorType::Int16) => real(node, data, to, node.input::<i16>(0)?.iter().map(|&x| x.into())),
        Some(TensorType::Int32) => channels(node, data, to, node.input::<i32>(0)?.iter(), |c, &x| {
            (f64::from(c.scale) * (f64::from(x) - f64::from(c.zero))) as f32
        }),
        Some(TensorType::Float16) => {
            to.iter_mut().zip(node.input::<u16>(0)?).for_each(|(y, &x)| *y = half::to_f32(x));
        }
        _ => {
            // The low half of a byte comes first; shifts to the left and back extend the sign.
            let halves = node.input::<u8>(0)?.iter().flat_map(|&x| [x << 4, x]);
            real(node, data, to, halves.map(|x| (x as i8 >> 4).into()));
        }
    }
    Ok(())
}

/// Differences of up to 24 bits are exact, so the product is rounded once.
fn real(node: &Invoke<'_>, data: &Data, to: &mut [f32], from: impl Iterator<Item = i32>) {
    channels(node, data, to, from, |c, x| c.scale * x.wrapping_sub(c.zero) as f32);
}

/// Computes the output from the input and the channels that its elements belong to.
fn channels<T>(
    node: &Invoke<'_>,
    data: &Data,
    to: &mut [f32],
    mut from: impl Iterator<Item = T>,
    f: impl Fn(&Channel, T) -> f32,
) {
    let runs = to.chunks_mut((data.run.max(1) as usize).max(1));
    for (run, channel) in runs.zip(node.list::<Channel>(data.channels).iter().cycle()) {
        run.iter_mut().zip(&mut from).for_each(|(y, x)| *y = f(channel, x));
    }
}
