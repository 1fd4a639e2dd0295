//! SignalFftAutoScale: `out[i] = in[i] << bits`, with as many bits as the largest magnitude leaves free;
//! output 1, int32, is their number. int16, one dimension.

use sedge_schema::op::NodeExt as _;
use sedge_schema::{Refusal, Shape, TensorType};

use super::types;
use crate::node::{Invoke, Prepare};

pub(in super::super) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    types(node, &[TensorType::Int16], &[TensorType::Int16, TensorType::Int32])?;
    let shape = node.input_of_rank(0, 1)?;
    node.set_shape(0, shape)?;
    node.set_shape(1, Shape::default())
}

pub(in super::super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let (to, bits) = (node.output::<i16>(0)?, node.output::<i32>(1)?);
    let from = node.input::<i16>(0)?;
    // The magnitude of -32768 does not fit: it counts as -32768 until a larger value follows.
    let largest = from.iter().fold(0i16, |most, &x| match (x > most, -i32::from(x) > most.into()) {
        (true, _) => x,
        (_, true) => x.wrapping_neg(),
        _ => most,
    });
    let free = if largest > 0 { largest.leading_zeros() - 1 } else { 0 };
    to.iter_mut().zip(from).for_each(|(y, &x)| *y = x << free);
    bits.fill(free as i32);
    Ok(())
}
