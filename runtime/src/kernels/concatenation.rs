//! CONCATENATION: the inputs' rows one after the other, any type of whole bytes. uint8 inputs of
//! other scales are rescaled in float: `round(x * scale - zero * scale) + zero_out` with
//! `scale = scale_in * (1 / scale_out)`. Source: tflite's reference `concatenation.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Concatenation, Node as _, NodeExt as _};
use sedge_schema::{Refusal, Slot, TensorType};

use super::shared::{OUTPUT, rows, same_quantization};
use crate::arena::Span;
use crate::fixed;
use crate::node::{Invoke, Prepare};
use crate::slices;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    rows: rows::Rows,
    /// A [`Rescale`] for each input; empty where none is rescaled.
    rescales: Span,
    output_zero: i32,
}

/// How an input is rescaled; a scale of 0 leaves it as it is.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Rescale {
    scale: f32,
    bias: f32,
}

pub(super) fn prepare(op: Concatenation, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let first = node.input(0)?;
    let axis = first.axis(op.axis.into()).ok_or(Refusal::Parameter("axis"))?;
    let rows = rows::of(node, 0..node.inputs(), first.elements_in(0..axis))?;
    let mut data = Data { rows, ..Data::zeroed() };
    let kind = node.tensor_type(OUTPUT)?;
    for i in 0..node.inputs() {
        let slot = Slot::Input(i as u8);
        if !matches!(kind, TensorType::Int8 | TensorType::UInt8) || same_quantization(node, slot, OUTPUT)? {
            continue;
        }
        if kind == TensorType::Int8 {
            return Err(Refusal::Quantization(slot));
        }
        let (input, output) = (node.affine(slot)?, node.affine(OUTPUT)?);
        if data.rescales.is_empty() {
            data.rescales = node.list::<Rescale>(node.inputs())?;
            data.output_zero = output.zero_point;
        }
        let scale = input.scale * (1.0 / output.scale);
        if let Some(rescale) = node.list_mut::<Rescale>(data.rescales).get_mut(i) {
            *rescale = Rescale { scale, bias: -input.zero_point as f32 * scale };
        }
    }
    if data.rescales.is_empty() {
        rows::prepare_join(node, rows);
    }
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let rescales = node.list::<Rescale>(data.rescales);
    if rescales.is_empty() {
        return rows::join(node, data.rows, |_, from, to| slices::copy(from, to));
    }
    rows::join(node, data.rows, |i, from, to| match rescales.get(i) {
        Some(r) if r.scale != 0.0 => to.iter_mut().zip(from).for_each(|(y, &x)| {
            let value = fixed::round(f32::from(x) * r.scale + r.bias).saturating_add(data.output_zero);
            *y = value.clamp(0, 255) as u8;
        }),
        _ => slices::copy(from, to),
    })
}
