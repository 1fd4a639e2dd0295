//! SPACE_TO_BATCH_ND: `out[block * batch + n, i, ...] = padded[n, i * size + cell of the block, ...]`, any
//! type of whole bytes; the output's zero point around the image.

use sedge_schema::Refusal;
use sedge_schema::op::SpaceToBatchNd;

use super::shared::blocks::{Image, invoke_batch, prepare_batch};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: SpaceToBatchNd, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    prepare_batch(node, Image::Input)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    invoke_batch(node)
}
