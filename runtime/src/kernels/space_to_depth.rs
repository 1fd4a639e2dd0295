//! SPACE_TO_DEPTH: `out[n, y, x, (i * b + j) * channels + c] = in[n, y * b + i, x * b + j, c]`, any type of
//! whole bytes.

use sedge_schema::Refusal;
use sedge_schema::op::SpaceToDepth;

use super::shared::blocks::{Image, prepare_depth};
use super::shared::region;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: SpaceToDepth, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    prepare_depth(node, op.block_size, Image::Input)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    region::invoke(node)
}
