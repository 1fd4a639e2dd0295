//! Tensors put together from rows of several, or cut into several: what CONCATENATION, PACK, SPLIT,
//! SPLIT_V and UNPACK do.
//!
//! Seen from the dimension in question, a tensor is `outer` rows: the bytes of all inner dimensions.
//! A row of the whole is a row of each part, one after the other.

use core::ops::Range;

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::Node as _;
use sedge_schema::{Refusal, Slot};

use super::element_bytes;
use crate::node::{Invoke, Prepare};
use crate::slices;

/// How often rows repeat.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Rows {
    pub(crate) outer: u32,
}

/// Prepares the rows of an operator whose `inputs` and outputs all have one type of whole bytes.
pub(crate) fn of(node: &Prepare<'_>, inputs: Range<usize>, outer: usize) -> Result<Rows, Refusal> {
    let first = Slot::Input(inputs.start as u8);
    let kind = node.tensor_type(first)?;
    element_bytes(kind, first)?;
    let outputs = (0..node.outputs()).map(|i| Slot::Output(i as u8));
    for slot in inputs.map(|i| Slot::Input(i as u8)).chain(outputs) {
        if node.tensor_type(slot)? != kind {
            return Err(Refusal::Type(slot));
        }
    }
    Ok(Rows { outer: outer as u32 })
}

/// Prepares an operator that puts the rows of all inputs together, unchanged.
pub(crate) fn prepare_join(node: &mut Prepare<'_>, Rows { outer }: Rows) {
    if outer == 1 {
        node.join();
    }
}

/// Prepares an operator that cuts input `input` into all outputs.
pub(crate) fn prepare_cut(node: &mut Prepare<'_>, input: usize, outer: usize) -> Result<(), Refusal> {
    let rows = of(node, input..input + 1, outer)?;
    if outer == 1 {
        node.cut(input);
    }
    node.set_data(rows)
}

/// Puts all inputs together; `copy` writes a row of the input with the given number.
#[inline]
pub(crate) fn join(
    node: &mut Invoke<'_>,
    Rows { outer }: Rows,
    copy: impl Fn(usize, &[u8], &mut [u8]),
) -> Result<(), Refusal> {
    let outer = outer as usize;
    let to = node.output::<u8>(0)?;
    let Some(whole) = to.len().checked_div(outer).filter(|&whole| whole != 0) else { return Ok(()) };
    let mut at = 0;
    for i in 0..node.inputs() {
        if node.is_within(i, 0) {
            at += node.input_place(i)?.bytes as usize;
            continue;
        }
        let from = node.input::<u8>(i)?;
        let part = from.len() / outer;
        if part == 0 {
            continue;
        }
        for (to, from) in to.chunks_exact_mut(whole.max(1)).zip(from.chunks_exact(part.max(1))) {
            copy(i, from, to.get_mut(at..at + part).ok_or(Refusal::Internal)?);
        }
        at += part;
    }
    Ok(())
}

/// Cuts input `input` into all outputs.
pub(crate) fn cut(node: &mut Invoke<'_>, input: usize) -> Result<(), Refusal> {
    let outer = node.data::<Rows>()?.outer as usize;
    let mut at = 0;
    node.fan_out::<u8>(input, |_, from, to| {
        let rows = |len: usize| len.checked_div(outer).filter(|&row| row != 0);
        let (Some(whole), Some(part)) = (rows(from.len()), rows(to.len())) else { return Ok(()) };
        for (to, from) in to.chunks_exact_mut(part.max(1)).zip(from.chunks_exact(whole.max(1))) {
            slices::copy(from.get(at..at + part).ok_or(Refusal::Internal)?, to);
        }
        at += part;
        Ok(())
    })
}
