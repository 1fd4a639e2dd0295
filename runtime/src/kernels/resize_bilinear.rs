//! RESIZE_BILINEAR: `out[b, y, x, c] =` the four cells around, weighted by their nearness. float32 and
//! uint8 in floats, int8 and int16 with weights in 1024ths, halves away from zero. Source: tflite's
//! reference `resize_bilinear.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Node as _, NodeExt as _, ResizeBilinear};
use sedge_schema::{Refusal, TensorType};

use super::resize_nearest_neighbor::side;
use super::shared::{INPUT, OUTPUT, same_type};
use crate::arena::Span;
use crate::element::Element;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element type's code.
    kind: i32,
    /// A [`Tap`] for each row and each column of the output.
    rows: Span,
    columns: Span,
    /// Elements of the image, of one of its rows, and of a cell.
    image: u32,
    row: u32,
    cell: u32,
}

/// Two neighbours, as elements from the first on, and the weight of the second.
#[derive(Clone, Copy, Default, Pod, Zeroable)]
#[repr(C)]
struct Tap {
    low: u32,
    high: u32,
    /// 1024ths, or the bits of a float.
    weight: i32,
}

pub(super) fn prepare(op: ResizeBilinear, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    let fixed = match kind {
        TensorType::Float32 | TensorType::UInt8 => false,
        TensorType::Int8 | TensorType::Int16 => true,
        _ => return Err(Refusal::Type(INPUT)),
    };
    let (input, output) = (node.input(0)?, node.shape(OUTPUT)?);
    let cell = input.dim(3);
    let (row, image) = (cell * input.dim(2), cell * input.dim(2) * input.dim(1));
    let mut taps = |axis: usize, step: usize| -> Result<Span, Refusal> {
        let side = side(&input, &output, axis, (op.align_corners, op.half_pixel_centers));
        let span = node.list::<Tap>(side.output)?;
        for (o, tap) in node.list_mut::<Tap>(span).iter_mut().enumerate() {
            let (low, high, weight) = match fixed {
                true => side.between_fixed(o)?,
                false => {
                    let (low, high, weight) = side.between(o);
                    (low, high, weight.to_bits() as i32)
                }
            };
            *tap = Tap { low: (low * step) as u32, high: (high * step) as u32, weight };
        }
        Ok(span)
    };
    let (rows, columns) = (taps(1, row)?, taps(2, cell)?);
    let (kind, image, row, cell) = (kind.code().into(), image as u32, row as u32, cell as u32);
    node.set_data(Data { kind, rows, columns, image, row, cell })
}

/// The four cells `[upper left, lower left, upper right, lower right]`, weighted in floats.
#[inline]
fn mix(cells: [f32; 4], y: f32, x: f32) -> f32 {
    let [upper_left, lower_left, upper_right, lower_right] = cells;
    upper_left * (1.0 - y) * (1.0 - x)
        + lower_left * y * (1.0 - x)
        + upper_right * (1.0 - y) * x
        + lower_right * y * x
}

/// As [`mix`], with weights in 1024ths.
#[inline]
fn mix_fixed(cells: [i64; 4], y: i32, x: i32) -> i64 {
    let [upper_left, lower_left, upper_right, lower_right] = cells;
    let (y, x) = (i64::from(y), i64::from(x));
    let sum = upper_left * ((1024 - y) * (1024 - x))
        + lower_left * (y * (1024 - x))
        + upper_right * ((1024 - y) * x)
        + lower_right * (y * x);
    let half = if sum > 0 { 1 << 19 } else { -(1 << 19) };
    (sum + half) / (1 << 20)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let float = |bits: i32| f32::from_bits(bits as u32);
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Int8) => {
            resize(node, data, |cells: [i8; 4], y, x| mix_fixed(cells.map(i64::from), y, x) as i8)
        }
        Some(TensorType::Int16) => {
            resize(node, data, |cells: [i16; 4], y, x| mix_fixed(cells.map(i64::from), y, x) as i16)
        }
        Some(TensorType::UInt8) => resize(node, data, |cells: [u8; 4], y, x| {
            (mix(cells.map(f32::from), float(y), float(x)) + 0.5) as u8
        }),
        _ => resize(node, data, |cells: [f32; 4], y, x| mix(cells, float(y), float(x))),
    }
}

#[inline]
fn resize<T: Element>(
    node: &mut Invoke<'_>,
    data: &Data,
    mix: impl Fn([T; 4], i32, i32) -> T,
) -> Result<(), Refusal> {
    let (rows, columns) = (node.list::<Tap>(data.rows), node.list::<Tap>(data.columns));
    let to = node.output::<T>(0)?;
    let from = node.input::<T>(0)?;
    if to.is_empty() || from.is_empty() {
        return Ok(());
    }
    let (row, cell) = (data.row as usize, data.cell as usize);
    let part = |from: &'_ [T], at: u32, len: usize| -> Result<core::ops::Range<usize>, Refusal> {
        let range = at as usize..at as usize + len;
        if range.end <= from.len() { Ok(range) } else { Err(Refusal::Internal) }
    };
    let mut outputs = to.chunks_exact_mut(cell.max(1));
    for image in from.chunks_exact((data.image as usize).max(1)) {
        for y in rows {
            let upper = image.get(part(image, y.low, row)?).unwrap_or_default();
            let lower = image.get(part(image, y.high, row)?).unwrap_or_default();
            for (x, to) in columns.iter().zip(&mut outputs) {
                let (left, right) = (part(upper, x.low, cell)?, part(upper, x.high, cell)?);
                let left = [upper, lower].map(|row| row.get(left.clone()).unwrap_or_default());
                let right = [upper, lower].map(|row| row.get(right.clone()).unwrap_or_default());
                let lefts = left[0].iter().zip(left[1]);
                let rights = right[0].iter().zip(right[1]);
                for (to, ((&a, &b), (&c, &d))) in to.iter_mut().zip(lefts.zip(rights)) {
                    *to = mix([a, b, c, d], y.weight, x.weight);
                }
            }
        }
    }
    Ok(())
}
