//! REAL: `out = real part of x`. complex64 and complex128.

use sedge_schema::Refusal;
use sedge_schema::op::Real;

use super::shared::complex;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: Real, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    complex::prepare(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    complex::invoke(node, |real, _| real, |real, _| real)
}
