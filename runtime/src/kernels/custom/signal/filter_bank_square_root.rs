//! SignalFilterBankSquareRoot: `out[i] = round(sqrt(in[i])) >> bits`, uint64 to uint32. Input 1, int32,
//! holds the number of bits.

use sedge_schema::op::NodeExt as _;
use sedge_schema::{Refusal, Slot, TensorType};

use super::{math, types};
use crate::node::{Invoke, Prepare};

const BITS: Slot = Slot::Input(1);

pub(in super::super) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    types(node, &[TensorType::UInt64, TensorType::Int32], &[TensorType::UInt32])?;
    if node.input(1)?.elements() != 1 {
        return Err(Refusal::Shape(BITS));
    }
    let shape = node.input(0)?;
    node.set_shape(0, shape)
}

pub(in super::super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let to = node.output::<u32>(0)?;
    let bits = node.input::<i32>(1)?.first().copied();
    let bits = bits.and_then(|b| u32::try_from(b).ok()).filter(|&b| b < 32).ok_or(Refusal::Value(BITS))?;
    to.iter_mut().zip(node.input::<u64>(0)?).for_each(|(y, &x)| *y = math::sqrt64(x) >> bits);
    Ok(())
}
