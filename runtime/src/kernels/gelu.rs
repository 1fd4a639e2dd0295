//! GELU: `x * P(X <= x)` for a standard normal `X`, exact or approximated. float32, int8 and uint8.

use sedge_schema::op::Gelu;
use sedge_schema::{Refusal, TensorType};

use super::shared::pointwise;
use crate::node::{Invoke, Prepare};

fn gelu(x: f32, approximate: bool) -> f32 {
    if approximate {
        let inner = core::f32::consts::FRAC_2_SQRT_PI * core::f32::consts::FRAC_1_SQRT_2;
        0.5 * x * (1.0 + libm::tanhf(inner * (x + 0.044715 * x * x * x)))
    } else {
        0.5 * x * libm::erfcf(x * -core::f32::consts::FRAC_1_SQRT_2)
    }
}

pub(super) fn prepare(op: Gelu, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let types = [TensorType::Int8, TensorType::UInt8];
    let approximate = op.approximate;
    pointwise::prepare_with(node, &types, approximate.into(), |x| gelu(x, approximate))
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let approximate = node.data::<pointwise::Data>()?.parameter != 0;
    pointwise::invoke(node, |x| gelu(x, approximate))
}
