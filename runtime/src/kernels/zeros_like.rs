//! ZEROS_LIKE: zeros, of any type whose elements are whole bytes.

use sedge_schema::Refusal;
use sedge_schema::op::ZerosLike;

use super::shared::{INPUT, element_bytes, same_type};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: ZerosLike, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    element_bytes(same_type(node)?, INPUT).map(|_| ())
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    node.output::<u8>(0)?.fill(0);
    Ok(())
}
