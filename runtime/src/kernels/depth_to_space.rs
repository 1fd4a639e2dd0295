//! DEPTH_TO_SPACE: `out[n, y * b + i, x * b + j, c] = in[n, y, x, (i * b + j) * channels + c]`, any type of
//! whole bytes.

use sedge_schema::Refusal;
use sedge_schema::op::DepthToSpace;

use super::shared::blocks::{Image, prepare_depth};
use super::shared::region;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: DepthToSpace, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    prepare_depth(node, op.block_size, Image::Output)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    region::invoke(node)
}
