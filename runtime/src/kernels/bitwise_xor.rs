//! BITWISE_XOR: the bits in which two whole numbers differ.

use sedge_schema::Refusal;
use sedge_schema::op::BitwiseXor;

use super::shared::whole::{self, Whole};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: BitwiseXor, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    whole::prepare_bits(node)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    whole::bits!(node, xor)
}
