//! SUB: `clamp(a - b)`. float32, int32, int64, and quantized (tflite's `sub.h`).

use sedge_schema::Refusal;
use sedge_schema::op::Sub;
use sedge_simd::Simd;

use super::shared::arithmetic::{self, Arithmetic, Sum};
use crate::node::{Invoke, Prepare};

impl Arithmetic for Sub {
    type Quantized = Sum;

    #[inline(always)]
    fn float(a: f32, b: f32) -> f32 {
        a - b
    }

    #[inline(always)]
    fn int32(a: i32, b: i32) -> i32 {
        a.wrapping_sub(b)
    }

    #[inline(always)]
    fn int64(a: i64, b: i64) -> i64 {
        a.wrapping_sub(b)
    }

    const IS_DIFFERENCE: bool = true;

    #[inline(always)]
    fn lanes<S: Simd>(simd: S, a: S::I32, b: S::I32) -> S::I32 {
        simd.sub_i32(a, b)
    }
}

pub(super) fn prepare(op: Sub, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    arithmetic::prepare::<Sub>(node, op.activation)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    arithmetic::invoke::<Sub>(node)
}

/// As [`invoke`], where all is int8.
pub(super) fn invoke_int8(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    arithmetic::invoke_int8::<Sub>(node)
}

/// As [`invoke`], where all is int32.
pub(super) fn invoke_int32(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    arithmetic::invoke_int32::<Sub>(node)
}
