//! EMBEDDING_LOOKUP: `out[i, ...] = table[rows[i], ...]`, any type of whole bytes; or the real values
//! `scale * table[rows[i], ...]` as float32 or float16, of an int8, int4 or int2 table with zero point 0 and
//! one scale or one for each row. What a uint8 table holds is int8 then, as old converters wrote it. A row out
//! of range is refused when the model runs. Source: LiteRT's `embedding_lookup.cc`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{EmbeddingLookup, Node as _, NodeExt as _};
use sedge_schema::{MAX_RANK, Refusal, Slot, TensorType};

use super::shared::{INPUT, OUTPUT, element_bytes, half};
use crate::arena::Span;
use crate::element::Element;
use crate::node::{Invoke, Prepare};
use crate::slices;

const TABLE: Slot = Slot::Input(1);

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// What a step of each row is worth, or of all.
    scales: Span,
    rows: u32,
    /// Elements of a row.
    columns: u32,
    /// Bits of an element.
    bits: u32,
    /// The type code of real values.
    output: i32,
    /// Whether rows are copied.
    copies: u32,
}

pub(super) fn prepare(_op: EmbeddingLookup, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    use TensorType::{Float16, Float32, Int2, Int4, Int8, Int32, UInt8};
    node.type_in(INPUT, &[Int32])?;
    let kind = node.tensor_type(TABLE)?;
    let table = node.input(1)?;
    let mut data = Data {
        rows: table.dim(0) as u32,
        columns: table.elements_in(1..MAX_RANK) as u32,
        bits: kind.bits() as u32,
        ..Data::zeroed()
    };
    if node.type_in(OUTPUT, &[kind]).is_ok() {
        element_bytes(kind, TABLE)?;
        data.copies = 1;
        return node.set_data(data);
    }
    node.type_in(TABLE, &[Int8, UInt8, Int4, Int2])?;
    data.output = node.type_in(OUTPUT, &[Float32, Float16])?.code().into();
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
    if data.copies != 0 {
        return copy_rows(node, data);
    }
    match TensorType::from_code(data.output as i8) {
        Some(TensorType::Float16) => real_rows::<u16>(node, data, half::from_f32),
        _ => real_rows::<f32>(node, data, |x| x),
    }
}

impl Data {
    /// The row that an index names.
    fn row(&self, index: i32) -> Result<usize, Refusal> {
        let row = usize::try_from(index).ok().filter(|&row| row < self.rows as usize);
        row.ok_or(Refusal::Value(INPUT))
    }
}

fn copy_rows(node: &mut Invoke<'_>, data: &Data) -> Result<(), Refusal> {
    let to = node.output::<u8>(0)?;
    let (list, table) = (node.input::<i32>(0)?, node.input::<u8>(1)?);
    let bytes = data.columns as usize * (data.bits / 8) as usize;
    for (&index, to) in list.iter().zip(to.chunks_exact_mut(bytes.max(1))) {
        let from = table.get(data.row(index)? * bytes..).and_then(|from| from.get(..bytes));
        slices::copy(from.ok_or(Refusal::Internal)?, to);
    }
    Ok(())
}

fn real_rows<T: Element>(node: &mut Invoke<'_>, data: &Data, of: fn(f32) -> T) -> Result<(), Refusal> {
    let to = node.output::<T>(0)?;
    let (list, table) = (node.input::<i32>(0)?, node.input::<u8>(1)?);
    let scales = node.list::<f32>(data.scales);
    let (columns, bits) = (data.columns as usize, (data.bits as usize).clamp(1, 8));
    let in_byte = 8 / bits;
    // The lowest bits of a byte come first; a shift to the left and one back extend the sign.
    let value = |at: usize| {
        let byte = table.get(at / in_byte)?;
        Some(f32::from((byte >> (at % in_byte * bits) << (8 - bits)) as i8 >> (8 - bits)))
    };
    for (&index, to) in list.iter().zip(to.chunks_exact_mut(columns.max(1))) {
        let row = data.row(index)?;
        let &scale = scales.get(row).or(scales.first()).ok_or(Refusal::Internal)?;
        for (to, at) in to.iter_mut().zip(row * columns..) {
            *to = of(value(at).ok_or(Refusal::Internal)? * scale);
        }
    }
    Ok(())
}
