//! RANGE: `out[i] = out[i - 1] + delta`, from start on; int32, int64, float32. Source: LiteRT's `range.cc`.

use sedge_schema::op::Range;
use sedge_schema::{Refusal, Slot, TensorType};

use super::shared::{INPUT, OUTPUT};
use crate::element::Element;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: Range, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = node.type_in(INPUT, &[TensorType::Int32, TensorType::Int64, TensorType::Float32])?;
    for slot in [Slot::Input(1), Slot::Input(2), OUTPUT] {
        node.type_in(slot, &[kind])?;
    }
    node.set_data(i32::from(kind.code()))
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    match TensorType::from_code(*node.data::<i32>()? as i8) {
        Some(TensorType::Float32) => range::<f32>(node, |a, b| a + b),
        Some(TensorType::Int64) => range(node, i64::wrapping_add),
        _ => range(node, i32::wrapping_add),
    }
}

fn range<T: Element>(node: &mut Invoke<'_>, add: fn(T, T) -> T) -> Result<(), Refusal> {
    let to = node.output::<T>(0)?;
    let first = |input: usize| node.input::<T>(input)?.first().copied().ok_or(Refusal::Internal);
    let (mut value, delta) = (first(0)?, first(2)?);
    for to in to {
        *to = value;
        value = add(value, delta);
    }
    Ok(())
}
