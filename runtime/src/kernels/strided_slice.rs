//! STRIDED_SLICE: `out[i, j, ...] = in[begin_0 + i * stride_0, begin_1 + j * stride_1, ...]`, any type
//! of whole bytes.

use sedge_schema::Refusal;
use sedge_schema::op::StridedSlice;

use super::shared::region;
use super::slice::prepare_cuts;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: StridedSlice, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let (cuts, _) = op.cuts(node)?;
    prepare_cuts(node, &cuts)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    region::invoke(node)
}
