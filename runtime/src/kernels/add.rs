//! ADD: `clamp(a + b)`. float32, int32, int64, and quantized (tflite's `add.h`).

use sedge_schema::Refusal;
use sedge_schema::op::Add;
use sedge_simd::Simd;

use super::shared::arithmetic::{self, Arithmetic, Sum};
use crate::node::{Invoke, Prepare};

impl Arithmetic for Add {
    type Quantized = Sum;

    #[inline(always)]
    fn float(a: f32, b: f32) -> f32 {
        a + b
    }

    #[inline(always)]
    fn int32(a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }

    #[inline(always)]
    fn int64(a: i64, b: i64) -> i64 {
        a.wrapping_add(b)
    }

    const IS_SUM: bool = true;

    #[inline(always)]
    fn lanes<S: Simd>(simd: S, a: S::I32, b: S::I32) -> S::I32 {
        simd.add_i32(a, b)
    }
}

pub(super) fn prepare(op: Add, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    arithmetic::prepare::<Add>(node, op.activation)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    arithmetic::invoke::<Add>(node)
}

/// As [`invoke`], where all is int8 and [`is_small`].
pub(super) fn invoke_int8(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    arithmetic::invoke_small::<Add>(node)
}

/// Whether an int8 operator is one that [`invoke_int8`] can have.
pub(super) fn is_small(prepared: &crate::arena::Prepared<'_>, data: crate::arena::Span) -> bool {
    arithmetic::is_small::<Add>(prepared, data)
}

/// As [`invoke`], where all is int32.
pub(super) fn invoke_int32(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    arithmetic::invoke_int32::<Add>(node)
}
