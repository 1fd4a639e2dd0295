//! ARG_MIN: `index of the smallest element`.

use sedge_schema::Refusal;
use sedge_schema::op::ArgMin;

use super::shared::arg;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: ArgMin, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    arg::prepare(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    arg::invoke::<false>(node)
}
