//! RSQRT: `out = 1 / sqrt(x)`, element by element. float32; int8 and int16 by the fixed-point inverse root,
//! 0 giving the largest value. A quantized number below 0 is refused when the model runs. Source:
//! tflite-micro's `elementwise.cc`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::Rsqrt;
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, Integer, OUTPUT, map, same_type};
use crate::fixed::{Multiplier, inverse_root};
use crate::node::{Invoke, Prepare};

/// Fraction bits of the root before it is scaled to the output.
const SHIFT: i32 = 20;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element type's code.
    kind: i32,
    zeros: [i32; 2],
    /// Scales roots with [`SHIFT`] fraction bits to the output.
    output: Multiplier,
}

pub(super) fn prepare(_op: Rsqrt, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    let mut data = Data { kind: kind.code().into(), ..Data::zeroed() };
    match kind {
        TensorType::Float32 => {}
        TensorType::Int8 | TensorType::Int16 => {
            let (input, output) = (node.affine(INPUT)?, node.affine(OUTPUT)?);
            data.zeros = [input.zero_point, output.zero_point];
            let scale = Multiplier::from_real(1.0 / f64::from(libm::sqrtf(input.scale) * output.scale));
            data.output = Multiplier { shift: (scale.shift - SHIFT).max(-31), ..scale };
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
        _ => map::<f32>(node, |x| 1.0 / libm::sqrtf(x)),
    }
}

fn quantized<T: Integer>(node: &mut Invoke<'_>, data: &Data) -> Result<(), Refusal> {
    let &Data { zeros: [input_zero, output_zero], output, .. } = data;
    if node.input::<T>(0)?.iter().any(|&x| x.into() < input_zero) {
        return Err(Refusal::Value(INPUT));
    }
    map::<T>(node, |x| match x.into().wrapping_sub(input_zero) {
        0 => T::narrow(T::HIGHEST),
        x => {
            let root = inverse_root(x);
            let root = Multiplier { shift: root.shift + SHIFT, ..root }.apply(1);
            T::saturate(output.apply(root).saturating_add(output_zero))
        }
    })
}
