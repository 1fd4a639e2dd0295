//! PRELU: `x` where `x >= 0`, otherwise `alpha * x`. float32; int8 and uint8, each branch scaled to the
//! output by a multiplier of its own (tflite's `prelu.h`).

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::Prelu;
use sedge_schema::{Refusal, TensorType};

use super::shared::binary::{Broadcast, SECOND, common_type};
use super::shared::{INPUT, Integer, OUTPUT};
use crate::fixed::Multiplier;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    plan: Broadcast,
    /// The element type's code.
    kind: i32,
    zeros: [i32; 2],
    output_zero: i32,
    positive: Multiplier,
    negative: Multiplier,
}

pub(super) fn prepare(_op: Prelu, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = common_type(node)?;
    let mut data = Data { kind: kind.code().into(), ..Data::zeroed() };
    match kind {
        TensorType::Float32 => {}
        TensorType::Int8 | TensorType::UInt8 => {
            let (x, alpha, output) = (node.affine(INPUT)?, node.affine(SECOND)?, node.affine(OUTPUT)?);
            data.zeros = [x.zero_point, alpha.zero_point];
            data.output_zero = output.zero_point;
            data.positive = Multiplier::from_real(f64::from(x.scale / output.scale));
            data.negative = Multiplier::from_real(f64::from(x.scale * alpha.scale / output.scale));
        }
        _ => return Err(Refusal::Type(INPUT)),
    }
    data.plan = Broadcast::prepare(node)?;
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = *node.data::<Data>()?;
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Int8) => quantized::<i8>(node, &data),
        Some(TensorType::UInt8) => quantized::<u8>(node, &data),
        _ => data.plan.run(node, |x: f32, alpha: f32| if x >= 0.0 { x } else { x * alpha }),
    }
}

fn quantized<T: Integer>(node: &mut Invoke<'_>, data: &Data) -> Result<(), Refusal> {
    data.plan.run(node, |x: T, alpha: T| {
        let x = x.into().wrapping_sub(data.zeros[0]);
        let scaled = match x {
            0.. => data.positive.apply(x),
            _ => data.negative.apply(x.wrapping_mul(alpha.into().wrapping_sub(data.zeros[1]))),
        };
        T::saturate(scaled.saturating_add(data.output_zero))
    })
}
