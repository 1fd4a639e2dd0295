//! SEGMENT_SUM and UNSORTED_SEGMENT_SUM, _PROD, _MAX and _MIN: rows of the input that have one number
//! make one row of the output. float32 and int32.

use bytemuck::{Pod, Zeroable};
use sedge_schema::{Refusal, Slot, TensorType};

use super::{INPUT, same_type};
use crate::element::Element;
use crate::node::{Invoke, Prepare};

/// The slot of the rows' numbers.
pub(crate) const NUMBERS: Slot = Slot::Input(1);

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element type's code.
    kind: i32,
}

pub(crate) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    node.type_in(INPUT, &[TensorType::Float32, TensorType::Int32])?;
    node.type_in(NUMBERS, &[TensorType::Int32])?;
    node.set_data(Data { kind: kind.code().into() })
}

/// What makes one element of several: where it starts, and how it takes one more in.
pub(crate) type Fold<T> = (T, fn(T, T) -> T);

/// Makes rows by `floats` or `integers`. A row without a number of its own, a negative one, is left out.
pub(crate) fn invoke(node: &mut Invoke<'_>, floats: Fold<f32>, integers: Fold<i32>) -> Result<(), Refusal> {
    match TensorType::from_code(node.data::<Data>()?.kind as i8) {
        Some(TensorType::Int32) => rows(node, integers),
        _ => rows(node, floats),
    }
}

fn rows<T: Element>(node: &mut Invoke<'_>, (start, add): Fold<T>) -> Result<(), Refusal> {
    let to = node.output::<T>(0)?;
    to.fill(start);
    let (from, numbers) = (node.input::<T>(0)?, node.input::<i32>(1)?);
    let length = from.len().checked_div(numbers.len()).unwrap_or_default();
    if length == 0 {
        return Ok(());
    }
    for (row, &number) in from.chunks_exact(length.max(1)).zip(numbers) {
        let Ok(number) = usize::try_from(number) else { continue };
        let to = number.checked_mul(length).and_then(|at| to.get_mut(at..)?.get_mut(..length));
        let to = to.ok_or(Refusal::Value(NUMBERS))?;
        to.iter_mut().zip(row).for_each(|(y, &x)| *y = add(*y, x));
    }
    Ok(())
}
