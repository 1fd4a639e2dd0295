//! QUANTIZE: `clamp(round(x / scale) + zero)` of real values, rounded half away from zero; of quantized
//! values `clamp((x - zero_in) * (scale_in / scale_out) + zero_out)`. Source: tflite's
//! `reference/quantize.h`, `requantize.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Node as _, Quantize};
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, Integer, OUTPUT};
use crate::fixed::{Multiplier, round};
use crate::node::{Invoke, Prepare, Unary};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element types' codes.
    input: i32,
    output: i32,
    input_zero: i32,
    output_zero: i32,
    /// Of quantized values.
    rescale: Multiplier,
    /// Of real values.
    scale: f32,
}

const INTEGERS: [TensorType; 4] = [TensorType::Int8, TensorType::UInt8, TensorType::Int16, TensorType::Int32];

pub(super) fn prepare(_op: Quantize, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = node.tensor_type(INPUT)?;
    let output = node.type_in(OUTPUT, &INTEGERS)?;
    let to = node.affine(OUTPUT)?;
    let mut data = Data {
        input: kind.code().into(),
        output: output.code().into(),
        output_zero: to.zero_point,
        scale: to.scale,
        ..Data::zeroed()
    };
    if kind != TensorType::Float32 {
        node.type_in(INPUT, &INTEGERS)?;
        let from = node.affine(INPUT)?;
        data.input_zero = from.zero_point;
        data.rescale = Multiplier::from_real(f64::from(from.scale) / f64::from(to.scale));
    }
    node.overwrite(0, 0);
    node.set_data(data)
}

/// Values are read, computed and written a block at a time, so that there is one loop for each type
/// and not one for each pair of types.
const BLOCK: usize = 32;

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let type_of = |code: i32| TensorType::from_code(code as i8).ok_or(Refusal::Internal);
    let (input, output) = (type_of(data.input)?, type_of(data.output)?);
    let (from_block, to_block) = (BLOCK * input.bits() / 8, BLOCK * output.bits() / 8);
    let mut values = [0i32; BLOCK];
    match node.unary_bytes(0, 0)? {
        // Both types have one size.
        Unary::InPlace(bytes) => bytes.chunks_mut(to_block).for_each(|block| {
            read(data, input, block, &mut values);
            write(output, &values, block);
        }),
        Unary::Apart(from, to) => {
            from.chunks(from_block).zip(to.chunks_mut(to_block)).for_each(|(from, to)| {
                read(data, input, from, &mut values);
                write(output, &values, to);
            });
        }
    }
    Ok(())
}

/// Reads a block and computes the outputs, not yet clamped to their type.
fn read(data: &Data, kind: TensorType, from: &[u8], to: &mut [i32; BLOCK]) {
    match kind {
        TensorType::Int8 => widen(from, to, |[x]: [u8; 1]| (x as i8).into()),
        TensorType::UInt8 => widen(from, to, |[x]: [u8; 1]| x.into()),
        TensorType::Int16 => widen(from, to, |x| i16::from_le_bytes(x).into()),
        TensorType::Int32 => widen(from, to, i32::from_le_bytes),
        _ => {
            return widen(from, to, |x| {
                round(f32::from_le_bytes(x) / data.scale).saturating_add(data.output_zero)
            });
        }
    }
    to.iter_mut().for_each(|x| {
        *x = data.rescale.apply(x.wrapping_sub(data.input_zero)).saturating_add(data.output_zero);
    });
}

fn widen<const N: usize>(from: &[u8], to: &mut [i32; BLOCK], f: impl Fn([u8; N]) -> i32) {
    to.iter_mut().zip(from.as_chunks::<N>().0).for_each(|(to, &from)| *to = f(from));
}

fn write(kind: TensorType, from: &[i32; BLOCK], to: &mut [u8]) {
    match kind {
        TensorType::Int8 => narrow(from, to, |x| [i8::saturate(x) as u8]),
        TensorType::UInt8 => narrow(from, to, |x| [u8::saturate(x)]),
        TensorType::Int16 => narrow(from, to, |x| i16::saturate(x).to_le_bytes()),
        _ => narrow(from, to, i32::to_le_bytes),
    }
}

fn narrow<const N: usize>(from: &[i32; BLOCK], to: &mut [u8], f: impl Fn(i32) -> [u8; N]) {
    to.as_chunks_mut::<N>().0.iter_mut().zip(from).for_each(|(to, &from)| *to = f(from));
}
