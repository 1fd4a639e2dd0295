//! NON_MAX_SUPPRESSION_V5: as NON_MAX_SUPPRESSION_V4, with scores that become lower where boxes overlap.
//! float32.

use sedge_schema::Refusal;
use sedge_schema::op::NonMaxSuppressionV5;

use super::shared::suppression::{self, Kind};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: NonMaxSuppressionV5, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    suppression::prepare(node, Kind::Soft)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    suppression::invoke(node, Kind::Soft)
}
