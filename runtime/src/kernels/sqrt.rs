//! SQRT: `out = sqrt(x)`, element by element. float32; int8 and int16 through float32, the result cut off
//! to whole steps. A quantized number below 0 is refused when the model runs. Source: LiteRT's
//! `elementwise.cc`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::Sqrt;
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, Integer, OUTPUT, map, same_type};
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element type's code.
    kind: i32,
    scales: [f32; 2],
    zeros: [i32; 2],
}

pub(super) fn prepare(_op: Sqrt, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    let mut data = Data { kind: kind.code().into(), ..Data::zeroed() };
    match kind {
        TensorType::Float32 => {}
        TensorType::Int8 | TensorType::Int16 => {
            let (input, output) = (node.affine(INPUT)?, node.affine(OUTPUT)?);
            data.scales = [input.scale, output.scale];
            data.zeros = [input.zero_point, output.zero_point];
        }
        _ => return Err(Refusal::Type(INPUT)),
    }
    node.overwrite(0, 0);
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Int8) => quantized::<i8>(node, data),
        Some(TensorType::Int16) => quantized::<i16>(node, data),
        _ => map::<f32>(node, libm::sqrtf),
    }
}

fn quantized<T: Integer>(node: &mut Invoke<'_>, data: &Data) -> Result<(), Refusal> {
    let &Data { scales: [input, output], zeros: [input_zero, output_zero], .. } = data;
    if node.input::<T>(0)?.iter().any(|&x| x.into() < input_zero) {
        return Err(Refusal::Value(INPUT));
    }
    map::<T>(node, |x| {
        let root = libm::sqrtf(input * x.into().wrapping_sub(input_zero) as f32);
        T::saturate(((root / output) as i32).saturating_add(output_zero))
    })
}
