//! EMBEDDING_LOOKUP: `out[i, ...] = table[rows[i], ...]`, any type of whole bytes; or the real values of an
//! int8, uint8 or int4 table with zero point 0, `scale * table[rows[i], ...]`, one scale or one for each row.
//! A row out of range is refused when the model runs. Source: LiteRT's `embedding_lookup.cc`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{EmbeddingLookup, Node as _, NodeExt as _};
use sedge_schema::{MAX_RANK, Refusal, Slot, TensorType};

use super::shared::{INPUT, OUTPUT, element_bytes};
use crate::arena::Span;
use crate::node::{Invoke, Prepare};

const TABLE: Slot = Slot::Input(1);

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// What a step of each row is worth, or of all; empty where rows are copied.
    scales: Span,
    /// The table's type code.
    kind: i32,
    rows: u32,
    /// Elements of a row, and bytes of an element that is copied.
    columns: u32,
    unit: u32,
}

pub(super) fn prepare(_op: EmbeddingLookup, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    use TensorType::{Float32, Int4, Int8, Int32, UInt8};
    node.type_in(INPUT, &[Int32])?;
    let kind = node.tensor_type(TABLE)?;
    let table = node.input(1)?;
    let mut data = Data {
        kind: kind.code().into(),
        rows: table.dim(0) as u32,
        columns: table.elements_in(1..MAX_RANK) as u32,
        ..Data::zeroed()
    };
    if node.type_in(OUTPUT, &[kind]).is_ok() {
        data.unit = element_bytes(kind, TABLE)? as u32;
        return node.set_data(data);
    }
    node.type_in(TABLE, &[Int8, UInt8, Int4])?;
    node.type_in(OUTPUT, &[Float32])?;
    let refused = Refusal::Quantization(TABLE);
    let quantization = node.quantization(TABLE)?.ok_or(refused)?;
    let count = quantization.scale().len();
    let per_row = quantization.quantized_dimension() == 0 && count == table.dim(0);
    if (count != 1 && !per_row) || (0..count).any(|row| quantization.zero_point_at(row) != 0) {
        return Err(refused);
    }
    data.scales = node.list::<f32>(count)?;
    let scales = node.list_mut::<f32>(data.scales).iter_mut().enumerate();
    scales.for_each(|(row, scale)| *scale = quantization.scale_at(row));
    node.set_data(data)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let columns = data.columns as usize;
    let row = |index: i32| {
        let row = usize::try_from(index).ok().filter(|&row| row < data.rows as usize);
        row.ok_or(Refusal::Value(INPUT))
    };
    if data.scales.is_empty() {
        let to = node.output::<u8>(0)?;
        let (list, table) = (node.input::<i32>(0)?, node.input::<u8>(1)?);
        let bytes = columns * data.unit as usize;
        for (&index, to) in list.iter().zip(to.chunks_exact_mut(bytes.max(1))) {
            let from = table.get(row(index)? * bytes..).and_then(|from| from.get(..bytes));
            to.copy_from_slice(from.ok_or(Refusal::Internal)?);
        }
        return Ok(());
    }
    let to = node.output::<f32>(0)?;
    let (list, table) = (node.input::<i32>(0)?, node.input::<u8>(1)?);
    let scales = node.list::<f32>(data.scales);
    let value = |at: usize| match TensorType::from_code(data.kind as i8) {
        // The low half of a byte comes first; shifts to the left and back extend the sign.
        Some(TensorType::Int4) => table.get(at / 2).map(|&x| (((x >> (4 * (at % 2))) << 4) as i8 >> 4).into()),
        Some(TensorType::Int8) => table.get(at).map(|&x| f32::from(x as i8)),
        _ => table.get(at).map(|&x| x.into()),
    };
    for (&index, to) in list.iter().zip(to.chunks_exact_mut(columns.max(1))) {
        let row = row(index)?;
        let scale = scales.get(row).or(scales.first()).copied().ok_or(Refusal::Internal)?;
        for (to, at) in to.iter_mut().zip(row * columns..) {
            *to = value(at).ok_or(Refusal::Internal)? * scale;
        }
    }
    Ok(())
}
