//! BROADCAST_ARGS: of each pair of dimensions the one that is not 1, int32 or int64. Pairs that do not fit
//! are refused when the model runs.

use sedge_schema::op::BroadcastArgs;
use sedge_schema::{Refusal, Slot, TensorType};

use super::shared::{INPUT, same_type};
use crate::element::Element;
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: BroadcastArgs, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    node.type_in(INPUT, &[TensorType::Int32, TensorType::Int64])?;
    node.type_in(Slot::Input(1), &[kind])?;
    node.set_data(i32::from(kind.code()))
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    match TensorType::from_code(*node.data::<i32>()? as i8) {
        Some(TensorType::Int64) => broadcast::<i64>(node, 1),
        _ => broadcast::<i32>(node, 1),
    }
}

fn broadcast<T: Element + PartialEq>(node: &mut Invoke<'_>, one: T) -> Result<(), Refusal> {
    let to = node.output::<T>(0)?;
    // From the innermost dimension on; there are ones outside the outermost.
    let dims = |input| Ok(node.input::<T>(input)?.iter().rev().copied().chain(core::iter::repeat(one)));
    for ((to, a), b) in to.iter_mut().rev().zip(dims(0)?).zip(dims(1)?) {
        *to = match () {
            () if a == one => b,
            () if a == b || b == one => a,
            () => return Err(Refusal::Value(Slot::Input(1))),
        };
    }
    Ok(())
}
