//! RFFT2D: `out[u, v] = sum of x[i, j] * exp(-2 pi i (i u / rows + j v / columns))` for `v` up to half the
//! columns. float32 to complex64, all within the output: rows are transformed first, then columns.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{NodeExt as _, Rfft2d};
use sedge_schema::{MAX_RANK, Refusal, Slot, TensorType};

use super::shared::fft::{self, Complex};
use super::shared::{INPUT, OUTPUT};
use crate::arena::Span;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// Rows and columns of the input, and those that are transformed.
    from: [u32; 2],
    to: [u32; 2],
    /// [`Complex`] roots for the longer side.
    roots: Span,
}

pub(super) fn prepare(_op: Rfft2d, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    node.type_in(INPUT, &[TensorType::Float32])?;
    node.type_in(Slot::Input(1), &[TensorType::Int32])?;
    node.type_in(OUTPUT, &[TensorType::Complex64])?;
    let input = node.input(0)?;
    let outer = input.rank().checked_sub(2).ok_or(Refusal::Shape(INPUT))?;
    let to = Rfft2d::lengths(node)?;
    let from = [input.dim(outer) as u32, input.elements_in(outer + 1..MAX_RANK) as u32];
    let roots = node.list::<Complex>(to[0].max(to[1]) as usize / 2)?;
    fft::fill_roots(node.list_mut(roots));
    node.set_data(Data { from, to, roots })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let roots = node.list::<Complex>(data.roots);
    let to = node.output::<f32>(0)?.as_chunks_mut::<2>().0;
    let from = node.input::<f32>(0)?;
    let [from_rows, from_columns] = data.from.map(|n| n as usize);
    let [rows, columns] = data.to.map(|n| n as usize);
    let bins = columns / 2 + 1;
    for (i, to) in to.chunks_exact_mut(rows.saturating_mul(bins).max(1)).enumerate() {
        let image = from.get(i * from_rows * from_columns..).ok_or(Refusal::Internal)?;
        let mut lines = image.chunks_exact(from_columns.max(1)).take(from_rows);
        for to in to.chunks_exact_mut(bins.max(1)) {
            let line = lines.next().unwrap_or_default();
            let numbers = line.iter().take(columns).copied().chain(core::iter::repeat(0.0));
            to.as_flattened_mut().iter_mut().zip(numbers).for_each(|(to, x)| *to = x);
            fft::real(to, roots).ok_or(Refusal::Internal)?;
        }
        for column in 0..bins {
            let values = to.get_mut(column..).ok_or(Refusal::Internal)?;
            fft::complex(values, bins, rows, roots).ok_or(Refusal::Internal)?;
        }
    }
    Ok(())
}
