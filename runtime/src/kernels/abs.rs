//! ABS: `|x|`. float32 and int32 as they are; int8 and int16 values are rescaled to the output's scale
//! where that differs from the input's.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::Abs;
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, Integer, OUTPUT, map, same_type};
use crate::fixed::Multiplier;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element type's code.
    kind: i32,
    input_zero: i32,
    output_zero: i32,
    /// Whether the two scales differ.
    rescales: u32,
    rescale: Multiplier,
}

pub(super) fn prepare(_op: Abs, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    let mut data = Data { kind: kind.code().into(), ..Data::zeroed() };
    match kind {
        TensorType::Float32 | TensorType::Int32 => {}
        TensorType::Int8 | TensorType::Int16 if node.quantization(INPUT)?.is_some() => {
            let (input, output) = (node.affine(INPUT)?, node.affine(OUTPUT)?);
            (data.input_zero, data.output_zero) = (input.zero_point, output.zero_point);
            data.rescales = u32::from(input.scale != output.scale);
            data.rescale = Multiplier::from_real(f64::from(input.scale / output.scale));
        }
        TensorType::Int8 | TensorType::Int16 => {}
        _ => return Err(Refusal::Type(INPUT)),
    }
    node.overwrite(0, 0);
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Int8) => map::<i8>(node, |x| quantized(data, x)),
        Some(TensorType::Int16) => map::<i16>(node, |x| quantized(data, x)),
        Some(TensorType::Int32) => map::<i32>(node, i32::wrapping_abs),
        _ => map::<f32>(node, libm::fabsf),
    }
}

fn quantized<T: Integer>(data: &Data, x: T) -> T {
    let distance = x.into().wrapping_sub(data.input_zero).wrapping_abs();
    let scaled = if data.rescales != 0 { data.rescale.apply(distance) } else { distance };
    T::saturate(scaled.saturating_add(data.output_zero))
}
