//! ARG_MAX: `index of the largest element`.

use sedge_schema::Refusal;
use sedge_schema::op::ArgMax;

use super::shared::arg;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: ArgMax, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    arg::prepare(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    arg::invoke::<true>(node)
}
