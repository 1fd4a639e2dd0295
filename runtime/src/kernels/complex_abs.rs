//! COMPLEX_ABS: `out = sqrt(real^2 + imaginary^2)`. complex64 and complex128.

use sedge_schema::Refusal;
use sedge_schema::op::ComplexAbs;

use super::shared::complex;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: ComplexAbs, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    complex::prepare(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    complex::invoke(node, libm::hypotf, libm::hypot)
}
