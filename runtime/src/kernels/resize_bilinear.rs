//! RESIZE_BILINEAR: `out[b, y, x, c] =` the four cells around, weighted by their nearness. float32 and
//! uint8 in floats, int8 and int16 with weights in 1024ths, halves away from zero. Source: tflite's
//! reference `resize_bilinear.h`.
//!
//! Where sessions have room for that, rows of float32 and int8 are weighted first: each row of the output from one row between two
//! of the image, by vectors. Of integers that is the same sum.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Node as _, NodeExt as _, ResizeBilinear};
use sedge_schema::{Refusal, TensorType};
use sedge_simd::{Kernel, Simd};

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
    /// Whether rows are weighted first.
    by_rows: u32,
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
    let by_rows = node.packs_weights() && matches!(kind, TensorType::Float32 | TensorType::Int8);
    if by_rows {
        node.scratch(row.checked_mul(size_of::<i32>()).ok_or(Refusal::TooLarge)?)?;
    }
    let (kind, image, row, cell) = (kind.code().into(), image as u32, row as u32, cell as u32);
    node.set_data(Data { kind, rows, columns, image, row, cell, by_rows: by_rows.into() })
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
        Some(TensorType::Int8) if data.by_rows != 0 => by_rows::<Fixed>(node, data),
        Some(TensorType::Float32) if data.by_rows != 0 => by_rows::<Float>(node, data),
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

/// The arithmetic of rows that are weighted first.
trait Mix {
    /// An element of the image.
    type Cell: Element;
    /// An element of the row between two.
    type Between: Element;

    /// The row between two, the weight of the second being `weight`.
    fn rows<S: Simd>(simd: S, rows: [&[Self::Cell]; 2], weight: i32, to: &mut [Self::Between]);

    /// The cell between two of that row.
    fn cells<S: Simd>(simd: S, cells: [&[Self::Between]; 2], weight: i32, to: &mut [Self::Cell]);
}

/// float32.
struct Float;

impl Float {
    #[inline(always)]
    fn between<S: Simd>(simd: S, [first, second]: [&[f32]; 2], weight: i32, to: &mut [f32]) {
        let weight = f32::from_bits(weight as u32);
        let (near, far) = (simd.splat_f32(1.0 - weight), simd.splat_f32(weight));
        let zero = simd.splat_f32(0.0);
        for ((first, second), to) in
            first.chunks(S::LANES).zip(second.chunks(S::LANES)).zip(to.chunks_mut(S::LANES))
        {
            let far = simd.mul_add_f32(simd.load_f32(second), far, zero);
            simd.store_f32(simd.mul_add_f32(simd.load_f32(first), near, far), to);
        }
    }
}

impl Mix for Float {
    type Cell = f32;
    type Between = f32;

    #[inline(always)]
    fn rows<S: Simd>(simd: S, rows: [&[f32]; 2], weight: i32, to: &mut [f32]) {
        Self::between(simd, rows, weight, to);
    }

    #[inline(always)]
    fn cells<S: Simd>(simd: S, cells: [&[f32]; 2], weight: i32, to: &mut [f32]) {
        Self::between(simd, cells, weight, to);
    }
}

/// int8: weights reach from -512 to 1536 at the ends, so that all sums are less than 2^30 from 0.
struct Fixed;

impl Fixed {
    #[inline(always)]
    fn weights<S: Simd>(simd: S, weight: i32) -> [S::I32; 2] {
        [simd.splat_i32(1024 - weight), simd.splat_i32(weight)]
    }

    #[inline(always)]
    fn sum<S: Simd>(simd: S, [first, second]: [S::I32; 2], [near, far]: [S::I32; 2]) -> S::I32 {
        simd.add_i32(simd.mul_i32(first, near), simd.mul_i32(second, far))
    }
}

impl Mix for Fixed {
    type Cell = i8;
    type Between = i32;

    #[inline(always)]
    fn rows<S: Simd>(simd: S, [first, second]: [&[i8]; 2], weight: i32, to: &mut [i32]) {
        let weights = Self::weights(simd, weight);
        for ((first, second), to) in
            first.chunks(S::LANES).zip(second.chunks(S::LANES)).zip(to.chunks_mut(S::LANES))
        {
            simd.store_i32(Self::sum(simd, [simd.load_i8(first), simd.load_i8(second)], weights), to);
        }
    }

    #[inline(always)]
    fn cells<S: Simd>(simd: S, [first, second]: [&[i32]; 2], weight: i32, to: &mut [i8]) {
        let (weights, shift) = (Self::weights(simd, weight), simd.splat_i32(20));
        for ((first, second), to) in
            first.chunks(S::LANES).zip(second.chunks(S::LANES)).zip(to.chunks_mut(S::LANES))
        {
            let sum = Self::sum(simd, [simd.load_i32(first), simd.load_i32(second)], weights);
            simd.store_i8(simd.rounding_shift_right(sum, shift), to);
        }
    }
}

/// Resizes by rows between two.
fn by_rows<M: Mix>(node: &mut Invoke<'_>, data: &Data) -> Result<(), Refusal> {
    let (rows, columns) = (node.list::<Tap>(data.rows), node.list::<Tap>(data.columns));
    let (to, between) = (node.output::<M::Cell>(0)?, node.scratch::<M::Between>()?);
    let from = node.input::<M::Cell>(0)?;
    let resize = ByRows::<M> { data, rows, columns, from, between, to };
    node.level().run(resize).ok_or(Refusal::Internal)
}

struct ByRows<'r, M: Mix> {
    data: &'r Data,
    rows: &'r [Tap],
    columns: &'r [Tap],
    from: &'r [M::Cell],
    between: &'r mut [M::Between],
    to: &'r mut [M::Cell],
}

impl<M: Mix> Kernel for ByRows<'_, M> {
    type Output = Option<()>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Option<()> {
        let Self { data, rows, columns, from, between, to } = self;
        let (row, cell) = (data.row as usize, data.cell as usize);
        if to.is_empty() || from.is_empty() {
            return Some(());
        }
        let mut outputs = to.chunks_exact_mut(cell.max(1));
        for image in from.chunks_exact((data.image as usize).max(1)) {
            for y in rows {
                let upper = image.get(y.low as usize..)?.get(..row)?;
                let lower = image.get(y.high as usize..)?.get(..row)?;
                M::rows(simd, [upper, lower], y.weight, between);
                for (x, to) in columns.iter().zip(&mut outputs) {
                    let left = between.get(x.low as usize..)?.get(..cell)?;
                    let right = between.get(x.high as usize..)?.get(..cell)?;
                    M::cells(simd, [left, right], x.weight, to);
                }
            }
        }
        Some(())
    }
}
