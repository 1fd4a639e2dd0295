//! QUANTIZE: `clamp(round(x / scale) + zero)` of real values, rounded half away from zero; of quantized
//! values `clamp((x - zero_in) * (scale_in / scale_out) + zero_out)`. Source: tflite's
//! `reference/quantize.h`, `requantize.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Node as _, Quantize};
use sedge_schema::{Refusal, TensorType};
use sedge_simd::{Kernel, Simd};

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
/// and not one for each pair of types. Only `for`: a closure would be compiled without the level's instructions.
const BLOCK: usize = 32;

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let type_of = |code: i32| TensorType::from_code(code as i8).ok_or(Refusal::Internal);
    let (input, output) = (type_of(data.input)?, type_of(data.output)?);
    let (from_block, to_block) = (BLOCK * input.bits() / 8, BLOCK * output.bits() / 8);
    match node.unary_bytes(0, 0)? {
        // Both types have one size.
        Unary::InPlace(bytes) => bytes.chunks_mut(to_block.max(1)).for_each(|block| {
            let mut values = [0i32; BLOCK];
            read(data, input, block, &mut values);
            write(output, &values, block);
        }),
        Unary::Apart(from, to) => {
            let (from, to) = ((input, from_block, from), (output, to_block, to));
            node.level().run(Blocks { data, from, to });
        }
    }
    Ok(())
}

/// Elements with their type and the bytes of a block.
struct Blocks<'k> {
    data: &'k Data,
    from: (TensorType, usize, &'k [u8]),
    to: (TensorType, usize, &'k mut [u8]),
}

impl Kernel for Blocks<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { data, from: (input, from_block, from), to: (output, to_block, to) } = self;
        if let (TensorType::Float32, TensorType::Int8, Ok(x)) =
            (input, output, bytemuck::try_cast_slice(from))
        {
            return rounded(simd, data, x, bytemuck::cast_slice_mut(to));
        }
        let mut values = [0i32; BLOCK];
        for (from, to) in from.chunks(from_block.max(1)).zip(to.chunks_mut(to_block.max(1))) {
            read(data, input, from, &mut values);
            write(output, &values, to);
        }
    }
}

/// Real values to int8.
#[inline(always)]
fn rounded<S: Simd>(simd: S, data: &Data, x: &[f32], to: &mut [i8]) {
    let scale = simd.splat_f32(data.scale);
    // Numbers so far from 0 are clamped in any case.
    let (low, high) = (simd.splat_f32(-65536.0), simd.splat_f32(65536.0));
    for (i, to) in to.chunks_mut(2 * S::LANES).enumerate() {
        let x = x.get(i * 2 * S::LANES..).unwrap_or_default();
        let halves = [simd.load_f32(x), simd.load_f32(x.get(S::LANES..).unwrap_or_default())];
        let mut y = [simd.splat_i32(0); 2];
        for (y, x) in y.iter_mut().zip(halves) {
            let scaled = simd.div_f32(x, scale);
            *y = simd.round_f32(simd.min_f32(simd.max_f32(scaled, low), high));
        }
        simd.store_clamped::<2, false>(y, data.output_zero, (i8::MIN.into(), i8::MAX.into()), to);
    }
}

/// Reads a block and computes the outputs, not yet clamped to their type.
#[inline(always)]
fn read(data: &Data, kind: TensorType, from: &[u8], to: &mut [i32; BLOCK]) {
    match kind {
        TensorType::Int8 => {
            for (to, &x) in to.iter_mut().zip(from) {
                *to = (x as i8).into();
            }
        }
        TensorType::UInt8 => {
            for (to, &x) in to.iter_mut().zip(from) {
                *to = x.into();
            }
        }
        TensorType::Int16 => {
            for (to, &x) in to.iter_mut().zip(from.as_chunks().0) {
                *to = i16::from_le_bytes(x).into();
            }
        }
        TensorType::Int32 => {
            for (to, &x) in to.iter_mut().zip(from.as_chunks().0) {
                *to = i32::from_le_bytes(x);
            }
        }
        _ => {
            for (to, &x) in to.iter_mut().zip(from.as_chunks().0) {
                *to = round(f32::from_le_bytes(x) / data.scale).saturating_add(data.output_zero);
            }
            return;
        }
    }
    // A scale that stays is a factor of 1, which changes nothing but large numbers.
    if data.rescale == Multiplier::ONE && kind != TensorType::Int32 {
        let more = data.output_zero.wrapping_sub(data.input_zero);
        for x in to {
            *x = x.wrapping_add(more);
        }
        return;
    }
    for x in to {
        *x = data.rescale.apply(x.wrapping_sub(data.input_zero)).saturating_add(data.output_zero);
    }
}

#[inline(always)]
fn write(kind: TensorType, from: &[i32; BLOCK], to: &mut [u8]) {
    match kind {
        TensorType::Int8 => {
            for (to, &x) in to.iter_mut().zip(from) {
                *to = x.max(i8::MIN.into()).min(i8::MAX.into()) as u8;
            }
        }
        TensorType::UInt8 => {
            for (to, &x) in to.iter_mut().zip(from) {
                *to = x.max(0).min(u8::MAX.into()) as u8;
            }
        }
        TensorType::Int16 => {
            for (to, &x) in to.as_chunks_mut().0.iter_mut().zip(from) {
                *to = i16::saturate(x).to_le_bytes();
            }
        }
        _ => {
            for (to, &x) in to.as_chunks_mut().0.iter_mut().zip(from) {
                *to = x.to_le_bytes();
            }
        }
    }
}
