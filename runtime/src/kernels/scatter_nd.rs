//! SCATTER_ND: `out[indices[i, 0], ..., indices[i, n - 1], ...] += parts[i, ...]`, from zeros; integers wrap
//! around, of bool it is or. An index out of range is refused when the model runs. Source: LiteRT's
//! `scatter_nd.cc`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Node as _, NodeExt as _, ScatterNd};
use sedge_schema::{MAX_RANK, Refusal, Slot, TensorType};

use super::shared::OUTPUT;
use super::shared::indices::{Indices, index_type};
use crate::arena::Span;
use crate::element::Element;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The dimensions that indices count.
    dims: Span,
    /// The indices' type code, and the elements'.
    indices: i32,
    kind: i32,
    /// Elements of a part.
    part: u32,
}

pub(super) fn prepare(_op: ScatterNd, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    use TensorType::{Bool, Float32, Int8, Int16, Int32, Int64, UInt8};
    let kind = node.type_in(Slot::Input(1), &[Float32, Int8, UInt8, Int16, Int32, Int64, Bool])?;
    node.type_in(OUTPUT, &[kind])?;
    let indices = index_type(node, 0)?;
    let output = node.shape(OUTPUT)?;
    let count = node.input(0)?.last();
    let dims = node.list::<u32>(count)?;
    node.list_mut::<u32>(dims).iter_mut().zip(output.dims()).for_each(|(to, &dim)| *to = dim);
    let part = output.elements_in(count..MAX_RANK) as u32;
    node.set_data(Data { dims, indices, kind: kind.code().into(), part })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Float32) => scatter::<f32>(node, data, |a, b| a + b),
        Some(TensorType::Bool) => scatter::<u8>(node, data, |a, b| a | b),
        // In two's complement the sign makes no difference.
        Some(TensorType::Int8 | TensorType::UInt8) => scatter::<u8>(node, data, u8::wrapping_add),
        Some(TensorType::Int16) => scatter::<i16>(node, data, i16::wrapping_add),
        Some(TensorType::Int64) => scatter::<i64>(node, data, i64::wrapping_add),
        _ => scatter::<i32>(node, data, i32::wrapping_add),
    }
}

fn scatter<T: Element>(node: &mut Invoke<'_>, data: &Data, add: fn(T, T) -> T) -> Result<(), Refusal> {
    let dims = node.list::<u32>(data.dims);
    let to = node.output::<T>(0)?;
    let indices = Indices::of(node, 0, data.indices)?;
    to.fill(T::zeroed());
    let size = data.part as usize;
    for (tuple, from) in node.input::<T>(1)?.chunks_exact(size.max(1)).enumerate() {
        let part = indices.part(tuple, dims).ok_or(Refusal::Value(Slot::Input(0)))?;
        let to = to.get_mut(part * size..).and_then(|to| to.get_mut(..size)).ok_or(Refusal::Internal)?;
        to.iter_mut().zip(from).for_each(|(to, &from)| *to = add(*to, from));
    }
    Ok(())
}
