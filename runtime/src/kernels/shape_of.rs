//! SHAPE: `out[i] = size of dimension i`, as int32 or int64.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{NodeExt as _, ShapeOf};
use sedge_schema::{Refusal, TensorType};

use super::shared::OUTPUT;
use crate::arena::Span;
use crate::node::{Invoke, Prepare};
use crate::slices;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    dims: Span,
    /// Whether the output is int64.
    wide: u32,
}

pub(super) fn prepare(_op: ShapeOf, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = node.type_in(OUTPUT, &[TensorType::Int32, TensorType::Int64])?;
    let shape = node.input(0)?;
    let dims = node.list::<u32>(shape.rank())?;
    slices::copy(shape.dims(), node.list_mut(dims));
    node.set_data(Data { dims, wide: u32::from(kind == TensorType::Int64) })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let dims = node.list::<u32>(data.dims);
    if data.wide != 0 {
        node.output::<i64>(0)?.iter_mut().zip(dims).for_each(|(to, &dim)| *to = dim.into());
    } else {
        node.output::<i32>(0)?.iter_mut().zip(dims).for_each(|(to, &dim)| *to = dim as i32);
    }
    Ok(())
}
