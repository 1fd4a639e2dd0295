//! SignalFilterBankLog: `out[i] = min(scale * ln(in[i] << bits), 32767)`, uint32 to int16; 0 where the
//! shifted input is 0 or 1. Options: `input_correction_bits`, `output_scale`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::NodeExt as _;
use sedge_schema::{Refusal, TensorType};

use super::{int, math, shift, types};
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    bits: u32,
    scale: u32,
}

pub(in super::super) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    types(node, &[TensorType::UInt32], &[TensorType::Int16])?;
    let options = node.options()?;
    let data = Data {
        bits: shift(&options, "input_correction_bits")?,
        scale: int(&options, "output_scale")? as u32,
    };
    let shape = node.input(0)?;
    node.set_shape(0, shape)?;
    node.set_data(data)
}

pub(in super::super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let Data { bits, scale } = *node.data::<Data>()?;
    let to = node.output::<i16>(0)?;
    for (y, &x) in to.iter_mut().zip(node.input::<u32>(0)?) {
        let x = x << bits;
        *y = if x > 1 { math::log(x, scale).min(i16::MAX as u32) as i16 } else { 0 };
    }
    Ok(())
}
