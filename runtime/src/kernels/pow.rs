//! POW: `a ^ b`. float32; int32, wrapping, for exponents that are not negative.

use sedge_schema::op::Pow;
use sedge_schema::{Refusal, TensorType};

use super::shared::binary::SECOND;
use super::shared::whole;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: Pow, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    whole::prepare(node, &[TensorType::Float32, TensorType::Int32])
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = *node.data::<whole::Data>()?;
    match data.kind() {
        Some(TensorType::Int32) => {
            if node.input::<i32>(1)?.iter().any(|&exponent| exponent < 0) {
                return Err(Refusal::Value(SECOND));
            }
            data.plan.run(node, |a: i32, b: i32| a.wrapping_pow(b.unsigned_abs()))
        }
        _ => data.plan.run(node, power),
    }
}

/// `a ^ b`; squares and cubes, which is what models have, by multiplication.
#[inline]
fn power(a: f32, b: f32) -> f32 {
    match b {
        2.0 => a * a,
        3.0 => a * a * a,
        _ => libm::powf(a, b),
    }
}
