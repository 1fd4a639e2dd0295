//! FAKE_QUANT: `low + round((clamp(x, low, high) - low) / step) * step`, where `step` is the interval's
//! width by `2^num_bits - 1` and both ends are moved to the nearest steps from 0. float32. Source: tflite's
//! `quantization_util.cc`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::FakeQuant;
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, map, same_type};
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    low: f32,
    high: f32,
    step: f32,
}

pub(super) fn prepare(op: FakeQuant, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    same_type(node)?;
    node.type_in(INPUT, &[TensorType::Float32])?;
    let FakeQuant { min, max, num_bits, narrow_range } = op;
    if narrow_range {
        return Err(Refusal::Parameter("narrow_range"));
    }
    if !(2..=16).contains(&num_bits) {
        return Err(Refusal::Parameter("num_bits"));
    }
    let width = max - min;
    if !(width > 0.0 && width.is_finite()) {
        return Err(Refusal::Parameter("max"));
    }
    let steps = ((1u32 << num_bits) - 1) as f32;
    let step = width / steps;
    let zero = libm::roundf((-min / step).clamp(0.0, steps));
    node.overwrite(0, 0);
    node.set_data(Data { low: (0.0 - zero) * step, high: (steps - zero) * step, step })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let &Data { low, high, step } = node.data::<Data>()?;
    let inverse = 1.0 / step;
    map::<f32>(node, |x| libm::roundf((x.max(low).min(high) - low) * inverse) * step + low)
}
