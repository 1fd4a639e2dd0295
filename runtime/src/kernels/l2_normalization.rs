//! L2_NORMALIZATION: `x / max(sqrt(sum of x^2), 1e-6)` along the last dimension. float32; int8 and uint8
//! by the fixed-point inverse root of the sum. Source: tflite's `l2normalization.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{L2Normalization, NodeExt as _};
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, check_fixed, in_place, same_type};
use crate::element::Element;
use crate::fixed::{Multiplier, inverse_root};
use crate::node::{Invoke, Prepare};

/// Results are in steps of `2^-STEP`.
const STEP: u32 = 7;

/// Keeps the divisor of floats from being 0.
const LEAST_NORM: f32 = 1e-6;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element type's code.
    kind: i32,
    /// Elements of a row.
    depth: u32,
    zero_point: i32,
}

pub(super) fn prepare(_op: L2Normalization, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    let depth = node.input(0)?.last() as u32;
    let mut data = Data { kind: kind.code().into(), depth, zero_point: 0 };
    match kind {
        TensorType::Float32 => {}
        TensorType::Int8 | TensorType::UInt8 => {
            let zero_point = if kind == TensorType::Int8 { 0 } else { 128 };
            check_fixed(node, (1.0 / 128.0, zero_point))?;
            data.zero_point = node.affine(INPUT)?.zero_point;
        }
        _ => return Err(Refusal::Type(INPUT)),
    }
    node.overwrite(0, 0);
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let &Data { kind, depth, zero_point } = node.data::<Data>()?;
    match TensorType::from_code(kind as i8) {
        Some(TensorType::Int8) => rows::<i8>(node, depth, |row| {
            let factor = inverse_norm(row.iter().map(|&x| i32::from(x).wrapping_sub(zero_point)));
            let factor = Multiplier { shift: factor.shift + STEP as i32, ..factor };
            for x in row {
                let y = factor.apply(i32::from(*x).wrapping_sub(zero_point));
                *x = y.clamp(i8::MIN.into(), i8::MAX.into()) as i8;
            }
        }),
        // The step is scaled before the factor here, after it for int8: both as the reference does.
        Some(TensorType::UInt8) => rows::<u8>(node, depth, |row| {
            let factor = inverse_norm(row.iter().map(|&x| i32::from(x).wrapping_sub(zero_point)));
            for x in row {
                let y = factor.apply(i32::from(*x).wrapping_sub(zero_point).wrapping_shl(STEP));
                *x = y.saturating_add(128).clamp(0, u8::MAX.into()) as u8;
            }
        }),
        _ => rows::<f32>(node, depth, |row| {
            let squares = row.iter().fold(0.0, |sum: f32, &x| sum + x * x);
            let norm = libm::sqrtf(squares).max(LEAST_NORM);
            row.iter_mut().for_each(|x| *x /= norm);
        }),
    }
}

fn rows<T: Element>(node: &mut Invoke<'_>, depth: u32, f: impl Fn(&mut [T])) -> Result<(), Refusal> {
    in_place::<T>(node)?.chunks_exact_mut((depth.max(1) as usize).max(1)).for_each(f);
    Ok(())
}

fn inverse_norm(row: impl Iterator<Item = i32>) -> Multiplier {
    inverse_root(row.fold(0i32, |sum, x| sum.wrapping_add(x.wrapping_mul(x))))
}
