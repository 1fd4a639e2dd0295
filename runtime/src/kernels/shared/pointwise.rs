//! Functions of one real number, element by element: EXP, LOG, SQRT, ELU and their like.
//!
//! float32: `f(x)`; float16: the same, through float32. int8 and uint8: all 256 results are tabulated
//! once, `zero_out + round(f(scale_in * (x - zero_in)) / scale_out)`, clamped to the type. int16:
//! straight lines between 513 tabulated points ([`Interpolated`]). Source: tflite's `common.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::{Refusal, TensorType};

use super::{INPUT, Integer, OUTPUT, half, map, same_type};
use crate::arena::Span;
use crate::fixed::{self, Interpolated};
use crate::node::{Affine, Invoke, Prepare};

/// An operator that is a function of one number.
pub(crate) trait Function {
    /// The element types that it takes beside float32.
    const OTHER_TYPES: &'static [TensorType];

    fn of(x: f32) -> f32;
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Data {
    /// The element type's code.
    kind: i32,
    /// A parameter of the operator, for its `invoke`.
    pub(crate) parameter: u32,
    /// The results of all 256 values, or the points between which there are lines.
    table: Span,
}

pub(crate) fn prepare(
    node: &mut Prepare<'_>,
    other_types: &[TensorType],
    f: impl Fn(f32) -> f32,
) -> Result<(), Refusal> {
    prepare_with(node, other_types, 0, f)
}

/// As [`prepare`], keeping a parameter for `invoke`.
pub(crate) fn prepare_with(
    node: &mut Prepare<'_>,
    other_types: &[TensorType],
    parameter: u32,
    f: impl Fn(f32) -> f32,
) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    if kind != TensorType::Float32 && !other_types.contains(&kind) {
        return Err(Refusal::Type(INPUT));
    }
    let table = match kind {
        TensorType::Int8 => tabulate::<i8>(node, |byte| byte as i8, f)?,
        TensorType::UInt8 => tabulate::<u8>(node, |byte| byte, f)?,
        TensorType::Int16 => {
            let (input, output) = (node.affine(INPUT)?, node.affine(OUTPUT)?);
            if output.zero_point != 0 {
                return Err(Refusal::Quantization(OUTPUT));
            }
            let points = node.list::<i16>(Interpolated::POINTS)?;
            let (scale, zero) = (input.scale, input.zero_point);
            Interpolated::fill(node.list_mut(points), (scale, zero), output.scale, f);
            points
        }
        _ => Span::default(),
    };
    node.overwrite(0, 0);
    node.set_data(Data { kind: kind.code().into(), parameter, table })
}

/// The results of all values of an 8-bit type, by the values' bits.
fn tabulate<T: Integer>(
    node: &mut Prepare<'_>,
    value: impl Fn(u8) -> T,
    f: impl Fn(f32) -> f32,
) -> Result<Span, Refusal> {
    let (input, Affine { scale, zero_point }) = (node.affine(INPUT)?, node.affine(OUTPUT)?);
    let table = node.list::<T>(256)?;
    let inverse = 1.0 / scale;
    for (byte, result) in (0u8..=255).zip(node.list_mut::<T>(table)) {
        let x: i32 = value(byte).into();
        let real = input.scale * x.wrapping_sub(input.zero_point) as f32;
        *result = T::saturate(fixed::round(f(real) * inverse).saturating_add(zero_point));
    }
    Ok(table)
}

pub(crate) fn invoke(node: &mut Invoke<'_>, f: impl Fn(f32) -> f32) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Int8) => {
            let table = node.list::<i8>(data.table);
            map::<i8>(node, |x| table.get(usize::from(x as u8)).copied().unwrap_or_default())
        }
        Some(TensorType::UInt8) => {
            let table = node.list::<u8>(data.table);
            map::<u8>(node, |x| table.get(usize::from(x)).copied().unwrap_or_default())
        }
        Some(TensorType::Int16) => {
            let table = Interpolated(node.list::<i16>(data.table));
            map::<i16>(node, |x| table.at(x))
        }
        Some(TensorType::Float16) => map::<u16>(node, |x| half::from_f32(f(half::to_f32(x)))),
        _ => map::<f32>(node, f),
    }
}
