//! PADV2: `out[before_0 + i, before_1 + j, ...] = in[i, j, ...]`, the value of input 2 elsewhere; any
//! type of whole bytes.

use sedge_schema::op::{Node as _, PadV2};
use sedge_schema::{Refusal, Slot, TensorType};

use super::pad::inner;
use super::shared::region::{self, Region};
use super::shared::{INPUT, OUTPUT, same_quantization};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(_op: PadV2, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let value = Slot::Input(2);
    let kind = node.tensor_type(INPUT)?;
    if node.tensor_type(value)? != kind {
        return Err(Refusal::Type(value));
    }
    let quantized = matches!(kind, TensorType::Int8 | TensorType::UInt8);
    if quantized && !same_quantization(node, value, OUTPUT)? {
        return Err(Refusal::Quantization(value));
    }
    let region = inner(node)?;
    node.set_data(region)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let region = *node.data::<Region>()?;
    region::invoke_inside_input(node, &region, 2)
}
