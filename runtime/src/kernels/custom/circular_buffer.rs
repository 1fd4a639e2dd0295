//! CIRCULAR_BUFFER: the last rows of a stream of int8, `[n, 1, w, c]` to `[n, rows, w, c]`; the oldest first.
//!
//! Each invocation gives one row, and only every `cycles_max`-th goes on to the operators behind: with one output the others
//! end with [`Refusal::Waits`], as tflite-micro ends them with `kTfLiteAbort`; with a second output, one bool, that one is
//! false instead. Models without `cycles_max` are refused, where tflite-micro guesses it from the shapes.
//!
//! Source: tflite-micro, `kernels/circular_buffer.cc`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::Node as _;
use sedge_schema::{Refusal, Shape, TensorType};

use super::count;
use crate::arena::Span;
use crate::kernels::shared::{INPUT, OUTPUT};
use crate::node::{Invoke, Prepare};
use crate::slices;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// Bytes of a row.
    row: u32,
    cycles: u32,
    /// The rows, and before them how many invocations there were since the last that went on.
    past: Span,
}

pub(super) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let outputs = node.outputs();
    node.arity(1, outputs.clamp(1, 2))?;
    node.type_in(INPUT, &[TensorType::Int8])?;
    node.type_in(OUTPUT, &[TensorType::Int8])?;
    let (from, to) = (node.shape(INPUT)?, node.shape(OUTPUT)?);
    let (&[n, 1, w, c], &[batch, rows, columns, channels]) = (from.dims(), to.dims()) else {
        return Err(Refusal::Shape(INPUT));
    };
    // tflite-micro keeps the rows of one image only.
    if [n, w, c] != [batch, columns, channels] || n != 1 || rows == 0 {
        return Err(Refusal::Shape(OUTPUT));
    }
    if outputs == 2 {
        node.type_in(sedge_schema::Slot::Output(1), &[TensorType::Bool])?;
        node.set_shape(1, Shape::default())?;
    }
    let cycles = count(&node.options()?, "cycles_max", 1)?;
    let past = node.state(size_of::<u32>() + to.elements())?;
    node.set_shape(0, to)?;
    node.set_data(Data { row: from.elements() as u32, cycles, past })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let Data { row, cycles, past } = *node.data::<Data>()?;
    let row = row as usize;
    let to = node.output::<i8>(0)?;
    let goes_on = if node.outputs() == 2 { Some(node.output::<u8>(1)?) } else { None };
    let past = node.state::<u8>(past)?;
    let (passed, rows) = past.split_first_chunk_mut::<4>().ok_or(Refusal::Internal)?;
    let older = rows.len().checked_sub(row).ok_or(Refusal::Internal)?;
    slices::copy_within(rows, row, older, 0).ok_or(Refusal::Internal)?;
    let newest = rows.get_mut(older..).unwrap_or_default();
    newest.iter_mut().zip(node.input::<i8>(0)?).for_each(|(to, &from)| *to = from as u8);
    to.iter_mut().zip(rows).for_each(|(to, &mut from)| *to = from as i8);
    let turn = u32::from_le_bytes(*passed) + 1;
    let is_due = turn >= cycles;
    *passed = (if is_due { 0 } else { turn }).to_le_bytes();
    match goes_on {
        Some(goes_on) => goes_on.fill(u8::from(is_due)),
        None if !is_due => return Err(Refusal::Waits),
        None => {}
    }
    Ok(())
}
