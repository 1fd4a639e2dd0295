//! SQUARED_DIFFERENCE: `(a - b)^2`. float32; int32, wrapping. int8: both operands are shifted left by 7
//! bits and scaled to twice the larger of their scales; the square of their difference is scaled to the
//! output (tflite's `squared_difference.cc`).

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::SquaredDifference;
use sedge_schema::{Refusal, TensorType};

use super::shared::binary::{Broadcast, SECOND, common_type, no_scales};
use super::shared::{INPUT, Integer as _, OUTPUT};
use crate::fixed::Multiplier;
use crate::node::{Invoke, Prepare};

/// Bits that operands are shifted left by before they are scaled.
const SHIFT: u32 = 7;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    plan: Broadcast,
    /// The element type's code.
    kind: i32,
    zeros: [i32; 2],
    output_zero: i32,
    inputs: [Multiplier; 2],
    output: Multiplier,
}

pub(super) fn prepare(_op: SquaredDifference, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = common_type(node)?;
    let mut data = Data { kind: kind.code().into(), ..Data::zeroed() };
    match kind {
        TensorType::Float32 => {}
        TensorType::Int32 => no_scales(node)?,
        TensorType::Int8 => {
            let (a, b, output) = (node.affine(INPUT)?, node.affine(SECOND)?, node.affine(OUTPUT)?);
            let common = 2.0 * f64::from(a.scale.max(b.scale));
            let input = |scale: f32| Multiplier::from_real(f64::from(scale) / common);
            data.zeros = [a.zero_point, b.zero_point];
            data.output_zero = output.zero_point;
            data.inputs = [input(a.scale), input(b.scale)];
            let squared = f64::from(1 << (2 * SHIFT)) * f64::from(output.scale);
            data.output = Multiplier::from_real(common * common / squared);
        }
        _ => return Err(Refusal::Type(INPUT)),
    }
    data.plan = Broadcast::prepare(node)?;
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = *node.data::<Data>()?;
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Int8) => data.plan.run(node, |a: i8, b: i8| {
            let ([first, second], [a_zero, b_zero]) = (data.inputs, data.zeros);
            let scale = |x: i8, zero: i32, factor: Multiplier| {
                factor.apply(i32::from(x).wrapping_sub(zero).wrapping_shl(SHIFT))
            };
            let difference = scale(a, a_zero, first).wrapping_sub(scale(b, b_zero, second));
            let square = difference.wrapping_mul(difference);
            i8::saturate(data.output.apply(square).saturating_add(data.output_zero))
        }),
        Some(TensorType::Int32) => data.plan.run(node, |a: i32, b: i32| {
            let difference = a.wrapping_sub(b);
            difference.wrapping_mul(difference)
        }),
        _ => data.plan.run(node, |a: f32, b: f32| (a - b) * (a - b)),
    }
}
