//! RIGHT_SHIFT: whole numbers shifted to the right.

use sedge_schema::Refusal;
use sedge_schema::op::RightShift;

use super::shared::whole::{self, Whole};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: RightShift, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    whole::prepare_bits(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    whole::bits!(node, shift_right)
}
