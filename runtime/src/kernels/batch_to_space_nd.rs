//! BATCH_TO_SPACE_ND: `uncropped[n, i * size + cell of the block, ...] = in[block * batch + n, i, ...]`, any
//! type of whole bytes.

use sedge_schema::Refusal;
use sedge_schema::op::BatchToSpaceNd;

use super::shared::blocks::{Image, invoke_batch, prepare_batch};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: BatchToSpaceNd, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    prepare_batch(node, Image::Output)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    invoke_batch(node)
}
