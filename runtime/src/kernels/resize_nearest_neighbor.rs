//! RESIZE_NEAREST_NEIGHBOR: `out[b, y, x, c] = in[b, nearest(y), nearest(x), c]`, any type of whole
//! bytes. Source: tflite's reference `resize_nearest_neighbor.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Node as _, NodeExt as _, ResizeNearestNeighbor};
use sedge_schema::{Refusal, Shape};

use super::shared::resize::Side;
use super::shared::{INPUT, OUTPUT, element_bytes, same_type};
use crate::arena::Span;
use crate::node::{Invoke, Prepare};
use crate::slices;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// Where each row of the output starts in the image, and each column in a row, in bytes.
    rows: Span,
    columns: Span,
    /// Bytes of the image, of one of its rows, and of a cell.
    image: u32,
    row: u32,
    cell: u32,
}

pub(super) fn prepare(op: ResizeNearestNeighbor, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let unit = element_bytes(same_type(node)?, INPUT)?;
    let (input, output) = (node.input(0)?, node.shape(OUTPUT)?);
    let cell = input.dim(3) * unit;
    let (row, image) = (cell * input.dim(2), cell * input.dim(2) * input.dim(1));
    let mut offsets = |axis: usize, bytes: usize| -> Result<Span, Refusal> {
        let side = side(&input, &output, axis, (op.align_corners, op.half_pixel_centers));
        let span = node.list::<u32>(side.output)?;
        let list = node.list_mut::<u32>(span).iter_mut();
        list.enumerate().for_each(|(o, to)| *to = (side.nearest(o) * bytes) as u32);
        Ok(span)
    };
    let (rows, columns) = (offsets(1, row)?, offsets(2, cell)?);
    let fit = |v: usize| u32::try_from(v).map_err(|_| Refusal::TooLarge);
    node.set_data(Data { rows, columns, image: fit(image)?, row: fit(row)?, cell: fit(cell)? })
}

/// One dimension of an image that is resized.
pub(super) fn side(
    input: &Shape,
    output: &Shape,
    axis: usize,
    (align_corners, half_pixel_centers): (bool, bool),
) -> Side {
    Side { input: input.dim(axis), output: output.dim(axis), align_corners, half_pixel_centers }
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let (rows, columns) = (node.list::<u32>(data.rows), node.list::<u32>(data.columns));
    let to = node.output::<u8>(0)?;
    let from = node.input::<u8>(0)?;
    if to.is_empty() || from.is_empty() {
        return Ok(());
    }
    let cell = data.cell as usize;
    let mut cells = to.chunks_exact_mut(cell.max(1));
    for image in from.chunks_exact((data.image as usize).max(1)) {
        for &row in rows {
            let row = image.get(row as usize..).and_then(|image| image.get(..data.row as usize));
            let row = row.ok_or(Refusal::Internal)?;
            for (&column, to) in columns.iter().zip(&mut cells) {
                let from = row.get(column as usize..).and_then(|row| row.get(..cell));
                slices::copy(from.ok_or(Refusal::Internal)?, to);
            }
        }
    }
    Ok(())
}
