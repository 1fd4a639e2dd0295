//! WHERE: `out[n] = (i, j, ...)` for each `in[i, j, ...]` that is not 0; bool, float32 and integers.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{NodeExt as _, Where};
use sedge_schema::{MAX_RANK, Refusal, TensorType};

use super::shared::indices::Axis;
use super::shared::{INPUT, OUTPUT, element_bytes};
use crate::arena::Span;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// An [`Axis`] for each dimension.
    axes: Span,
    /// The elements' type code.
    kind: i32,
    /// Bytes of an element.
    unit: u32,
}

pub(super) fn prepare(_op: Where, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    use TensorType::{Bool, Float32, Int8, Int16, Int32, Int64, UInt8, UInt32};
    let kind = node.type_in(INPUT, &[Bool, Float32, Int8, UInt8, Int16, Int32, UInt32, Int64])?;
    node.type_in(OUTPUT, &[Int64])?;
    let input = node.input(0)?;
    let axes = node.list::<Axis>(input.rank())?;
    for (axis, to) in node.list_mut::<Axis>(axes).iter_mut().enumerate() {
        *to = Axis { dim: input.dim(axis) as u32, stride: input.elements_in(axis + 1..MAX_RANK) as u32 };
    }
    node.set_data(Data { axes, kind: kind.code().into(), unit: element_bytes(kind, INPUT)? as u32 })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let axes = node.list::<Axis>(data.axes);
    let kind = TensorType::from_code(data.kind as i8).ok_or(Refusal::Internal)?;
    let mut rows = node.output::<i64>(0)?.chunks_exact_mut(axes.len().max(1));
    let cells = node.input::<u8>(0)?.chunks_exact((data.unit as usize).max(1));
    for (i, _) in cells.enumerate().filter(|(_, cell)| Where::is_nonzero(kind, cell)) {
        let row = rows.next().ok_or(Refusal::Internal)?;
        row.iter_mut().zip(axes).for_each(|(to, axis)| *to = axis.index(i) as i64);
    }
    if rows.next().is_some() { Err(Refusal::Internal) } else { Ok(()) }
}
