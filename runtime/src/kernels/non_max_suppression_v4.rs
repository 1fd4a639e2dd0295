//! NON_MAX_SUPPRESSION_V4: of boxes that overlap too much, the one with the best score. float32.

use sedge_schema::Refusal;
use sedge_schema::op::NonMaxSuppressionV4;

use super::shared::suppression::{self, Kind};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: NonMaxSuppressionV4, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    suppression::prepare(node, Kind::Hard)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    suppression::invoke(node, Kind::Hard)
}
