//! BATCH_MATMUL: both matrices row by row, the first's and the second's transposed, then a sum of products
//! for each pair of rows. Sources: tflite-micro's reference `batch_matmul.h`; LiteRT's `batch_matmul.cc`
//! for float32 with int8.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{BatchMatmul, Node as _, NodeExt as _, Product};
use sedge_schema::{MAX_RANK, Refusal, Shape, Slot, TensorType};

use super::filter::FloatRange;
use super::filter::hybrid::{Mode, quantize};
use super::gemm::float::Computed;
use super::gemm::integer::Order;
use super::shared::dot::Rows;
use super::shared::{INPUT, Integer, OUTPUT};
use crate::element::Element;
use crate::fixed::Multiplier;
use crate::node::{Invoke, Prepare};
use crate::session::Weights;

const SECOND: Slot = Slot::Input(1);

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    arithmetic: u32,
    rows: u32,
    depth: u32,
    columns: u32,
    /// The dimensions of the stack, and how many matrices a step along each skips on either side.
    stack: [Step; MAX_RANK],
    /// Whether the matrices are stored column by column.
    transposed: [u32; 2],
    // float32.
    computed: Computed,
    // Integers.
    zeros: [i32; 2],
    output_zero: i32,
    multiplier: Multiplier,
    // float32 with int8.
    scale: f32,
    asymmetric: u32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Step {
    count: u32,
    skip: [u32; 2],
}

const FLOAT: u32 = 0;
const INT8: u32 = 1;
const INT16: u32 = 2;
const HYBRID: u32 = 3;
/// int8 with int32 results: plain sums.
const SUMS: u32 = 4;

pub(super) fn prepare(op: BatchMatmul, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    use TensorType::{Float32, Int8, Int16, Int32};
    let (a, b) = (node.input(0)?, node.input(1)?);
    let Product { rows, depth, columns, stack } = op.product(&a, &b)?;
    let mut data = Data {
        rows: rows as u32,
        depth: depth as u32,
        columns: columns as u32,
        stack: steps(&stack, [&a, &b]),
        // The second one's rows are the columns of the product.
        transposed: [op.adj_x, !op.adj_y].map(u32::from),
        ..Data::zeroed()
    };
    let kinds = (node.tensor_type(INPUT)?, node.tensor_type(SECOND)?, node.tensor_type(OUTPUT)?);
    data.arithmetic = match kinds {
        (Float32, Float32, Float32) => FLOAT,
        (Float32, Int8, Float32) => HYBRID,
        (Int8, Int8, Int8) => INT8,
        (Int8, Int8, Int32) => SUMS,
        (Int16, Int16, Int16) => INT16,
        (Float32 | Int8 | Int16, Float32 | Int8 | Int16, _) if kinds.0 == kinds.1 => {
            return Err(Refusal::Type(OUTPUT));
        }
        (Float32 | Int8 | Int16, _, _) => return Err(Refusal::Type(SECOND)),
        _ => return Err(Refusal::Type(INPUT)),
    };
    match data.arithmetic {
        INT8 | INT16 => {
            let (a, b, out) = (node.affine(INPUT)?, node.affine(SECOND)?, node.affine(OUTPUT)?);
            for (affine, slot) in [(a, INPUT), (b, SECOND), (out, OUTPUT)] {
                let (low, high) = node.tensor_type(slot)?.integer_range().unwrap_or_default();
                let symmetric = data.arithmetic == INT16 && affine.zero_point != 0;
                if symmetric || !(low..=high).contains(&affine.zero_point) {
                    return Err(Refusal::Quantization(slot));
                }
            }
            data.zeros = [a.zero_point, b.zero_point];
            data.output_zero = out.zero_point;
            let real = f64::from(a.scale * b.scale) / f64::from(out.scale);
            data.multiplier = Multiplier::from_real(real);
        }
        HYBRID => {
            let b = node.affine(SECOND)?;
            if b.zero_point != 0 {
                return Err(Refusal::Quantization(SECOND));
            }
            data.scale = b.scale;
            data.asymmetric = u32::from(op.asymmetric_quantize_inputs);
        }
        _ => {}
    }
    if data.arithmetic == FLOAT {
        data.computed = Computed::of(node, rows, (columns, depth));
    }
    node.scratch(data.scratch())?;
    node.set_data(data)
}

/// The dimensions of the stack, innermost first.
fn steps(stack: &Shape, operands: [&Shape; 2]) -> [Step; MAX_RANK] {
    let mut steps = [Step { count: 1, skip: [0; 2] }; MAX_RANK];
    let mut matrices = [1u32; 2];
    for (k, (step, &count)) in steps.iter_mut().zip(stack.dims().iter().rev()).enumerate() {
        step.count = count;
        for ((shape, skip), matrices) in operands.iter().zip(&mut step.skip).zip(&mut matrices) {
            let dim = shape.rank().checked_sub(3 + k).map_or(1, |axis| shape.dim(axis) as u32);
            if dim != 1 {
                *skip = *matrices;
            }
            *matrices = matrices.wrapping_mul(dim.max(1));
        }
    }
    steps
}

impl Data {
    /// Elements of a matrix of either side.
    fn sizes(&self) -> [usize; 2] {
        [self.rows, self.columns].map(|n| n as usize * self.depth as usize)
    }

    /// Bytes of scratch memory: what is transposed, and sums or quantized rows behind it.
    fn scratch(&self) -> usize {
        let [a, b] = self.sizes();
        let (a, b) =
            (if self.transposed[0] != 0 { a } else { 0 }, if self.transposed[1] != 0 { b } else { 0 });
        match self.arithmetic {
            FLOAT if self.computed.packs() => a.saturating_add(self.computed.scratch()).saturating_mul(4),
            FLOAT => 4 * (a + b),
            INT16 => 2 * (a + b),
            HYBRID => 4 * a + b + self.depth as usize,
            _ => 4 * self.columns as usize + a + b,
        }
    }

    /// Runs `f` with the numbers of the matrices of each product.
    fn each(&self, mut f: impl FnMut(usize, [usize; 2]) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let count: usize = self.stack.iter().map(|step| step.count as usize).product();
        for product in 0..count {
            let mut rest = product;
            let mut at = [0; 2];
            for step in &self.stack {
                let index = rest % (step.count as usize).max(1);
                rest /= (step.count as usize).max(1);
                at.iter_mut().zip(step.skip).for_each(|(at, skip)| *at += index * skip as usize);
            }
            f(product, at)?;
        }
        Ok(())
    }
}

/// Matrix `number` of a stack.
fn matrix<T>(stack: &[T], number: usize, length: usize) -> Result<&[T], Refusal> {
    stack.get(number * length..(number + 1) * length).ok_or(Refusal::Internal)
}

/// The matrix row by row: as it is, or transposed into `scratch`.
fn rows_of<'m, T: Copy>(
    matrix: &'m [T],
    depth: usize,
    transposed: bool,
    scratch: &'m mut [T],
) -> Result<&'m [T], Refusal> {
    if !transposed || depth == 0 {
        return Ok(matrix);
    }
    let to = scratch.get_mut(..matrix.len()).ok_or(Refusal::Internal)?;
    let count = matrix.len() / depth;
    for (row, to) in to.chunks_exact_mut(depth.max(1)).enumerate() {
        let column = matrix.iter().skip(row).step_by(count.max(1));
        to.iter_mut().zip(column).for_each(|(to, &x)| *to = x);
    }
    Ok(to)
}

/// Splits scratch memory into words and what is left.
fn split<A: Pod, B: Pod>(scratch: &mut [u8], first: usize) -> Result<(&mut [A], &mut [B]), Refusal> {
    let bytes = first * size_of::<A>();
    let (a, b) = scratch.split_at_mut_checked(bytes).ok_or(Refusal::Internal)?;
    Ok((cast(a)?, cast(b)?))
}

fn cast<T: Pod>(bytes: &mut [u8]) -> Result<&mut [T], Refusal> {
    if bytes.is_empty() {
        return Ok(&mut []);
    }
    bytemuck::try_cast_slice_mut(bytes).map_err(|_| Refusal::Internal)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = *node.data::<Data>()?;
    match data.arithmetic {
        FLOAT => float(node, &data),
        HYBRID => hybrid(node, &data),
        INT16 => int16(node, &data),
        INT8 => int8::<i8>(node, &data, |sum| {
            i8::saturate(data.multiplier.apply(sum).saturating_add(data.output_zero))
        }),
        _ => int8::<i32>(node, &data, |sum| sum),
    }
}

fn float(node: &mut Invoke<'_>, data: &Data) -> Result<(), Refusal> {
    let (out, scratch) = (node.output::<f32>(0)?, node.scratch::<f32>()?);
    let level = node.level();
    let (a, b) = (node.input::<f32>(0)?, node.input::<f32>(1)?);
    let ([size_a, size_b], depth) = (data.sizes(), data.depth as usize);
    let (first, second) = scratch
        .split_at_mut_checked(if data.transposed[0] != 0 { size_a } else { 0 })
        .ok_or(Refusal::Internal)?;
    if depth == 0 || out.is_empty() {
        out.fill(0.0);
        return Ok(());
    }
    let (rows, columns) = (data.rows as usize, data.columns as usize);
    data.each(|product, [i, j]| {
        let a = rows_of(matrix(a, i, size_a)?, depth, data.transposed[0] != 0, first)?;
        let b = matrix(b, j, size_b)?;
        if Weights::CAN_PACK && data.computed.packs() {
            let size = rows * columns;
            let out = out.get_mut(product * size..(product + 1) * size).ok_or(Refusal::Internal)?;
            let order = if data.transposed[1] != 0 { Order::Elements } else { Order::Columns };
            data.computed.multiply(level, a, (b, order), (&[], FloatRange::ALL), second, out);
            return Ok(());
        }
        let b = rows_of(b, depth, data.transposed[1] != 0, second)?;
        let out = out.chunks_exact_mut(columns.max(1)).skip(product * rows).take(rows);
        for (x, out) in a.chunks_exact(depth.max(1)).zip(out) {
            level.run(Rows { x, zero: 0, rows: b, f: |column, sum| set(out, column, sum) });
        }
        Ok(())
    })
}

#[inline(always)]
fn set<T>(out: &mut [T], i: usize, value: T) {
    if let Some(to) = out.get_mut(i) {
        *to = value;
    }
}

/// `sum((a - p)(b - q))` as `sum((a - p) b) - q sum(a - p)`.
fn int8<Y: Element>(node: &mut Invoke<'_>, data: &Data, finish: impl Fn(i32) -> Y) -> Result<(), Refusal> {
    let (out, scratch) = (node.output::<Y>(0)?, node.scratch::<u8>()?);
    if out.is_empty() {
        return Ok(());
    }
    let level = node.level();
    let (a, b) = (node.input::<i8>(0)?, node.input::<i8>(1)?);
    let ([size_a, size_b], depth) = (data.sizes(), data.depth as usize);
    let (rows, columns) = (data.rows as usize, data.columns as usize);
    let (sums, matrices) = split::<i32, i8>(scratch, columns)?;
    let (first, second) = matrices
        .split_at_mut_checked(if data.transposed[0] != 0 { size_a } else { 0 })
        .ok_or(Refusal::Internal)?;
    let [zero_a, zero_b] = data.zeros;
    data.each(|product, [i, j]| {
        let a = rows_of(matrix(a, i, size_a)?, depth, data.transposed[0] != 0, first)?;
        let b = rows_of(matrix(b, j, size_b)?, depth, data.transposed[1] != 0, second)?;
        // What the zero point of the first side takes off each column.
        let of = |row: &[i8]| row.iter().fold(0i32, |sum, &x| sum.wrapping_add(x.into()));
        sums.fill(0);
        if depth != 0 && zero_a != 0 {
            for (sum, row) in sums.iter_mut().zip(b.chunks_exact(depth.max(1))) {
                *sum = zero_a.wrapping_mul(of(row));
            }
        }
        let out = out.chunks_exact_mut(columns.max(1)).skip(product * rows).take(rows);
        for (row, out) in out.enumerate() {
            let x = a.get(row * depth..(row + 1) * depth).ok_or(Refusal::Internal)?;
            let share = of(x).wrapping_sub(zero_a.wrapping_mul(depth as i32)).wrapping_mul(zero_b);
            if depth == 0 {
                out.iter_mut().for_each(|to| *to = finish(0));
                continue;
            }
            level.run(Rows {
                x,
                zero: 0,
                rows: b,
                f: |column, sum: i32| {
                    let taken = sums.get(column).copied().unwrap_or(0i32).wrapping_add(share);
                    set(out, column, finish(sum.wrapping_sub(taken)));
                },
            });
        }
        Ok(())
    })
}

fn int16(node: &mut Invoke<'_>, data: &Data) -> Result<(), Refusal> {
    let (out, scratch) = (node.output::<i16>(0)?, node.scratch::<i16>()?);
    if out.is_empty() {
        return Ok(());
    }
    let (a, b) = (node.input::<i16>(0)?, node.input::<i16>(1)?);
    let ([size_a, size_b], depth) = (data.sizes(), data.depth as usize);
    let (rows, columns) = (data.rows as usize, data.columns as usize);
    let (first, second) = scratch
        .split_at_mut_checked(if data.transposed[0] != 0 { size_a } else { 0 })
        .ok_or(Refusal::Internal)?;
    data.each(|product, [i, j]| {
        let a = rows_of(matrix(a, i, size_a)?, depth, data.transposed[0] != 0, first)?;
        let b = rows_of(matrix(b, j, size_b)?, depth, data.transposed[1] != 0, second)?;
        let out = out.chunks_exact_mut(columns.max(1)).skip(product * rows).take(rows);
        for (row, out) in out.enumerate() {
            let x = a.get(row * depth..(row + 1) * depth).ok_or(Refusal::Internal)?;
            for (column, out) in out.iter_mut().enumerate() {
                let w = b.get(column * depth..(column + 1) * depth).ok_or(Refusal::Internal)?;
                let sum = x
                    .iter()
                    .zip(w)
                    .fold(0i64, |sum, (&x, &w)| sum.wrapping_add((i32::from(x) * i32::from(w)).into()));
                *out = i16::saturate(data.multiplier.apply_i64(sum));
            }
        }
        Ok(())
    })
}

/// Each row of the first matrix is quantized as it comes.
fn hybrid(node: &mut Invoke<'_>, data: &Data) -> Result<(), Refusal> {
    let (out, scratch) = (node.output::<f32>(0)?, node.scratch::<u8>()?);
    let level = node.level();
    let (a, b) = (node.input::<f32>(0)?, node.input::<i8>(1)?);
    let ([size_a, size_b], depth) = (data.sizes(), data.depth as usize);
    let (rows, columns) = (data.rows as usize, data.columns as usize);
    if depth == 0 || out.is_empty() {
        out.fill(0.0);
        return Ok(());
    }
    let (first, rest) = split::<f32, i8>(scratch, if data.transposed[0] != 0 { size_a } else { 0 })?;
    let (quantized, second) = rest.split_at_mut_checked(depth).ok_or(Refusal::Internal)?;
    let mode = if data.asymmetric != 0 { Mode::Asymmetric } else { Mode::Symmetric };
    data.each(|product, [i, j]| {
        let a = rows_of(matrix(a, i, size_a)?, depth, data.transposed[0] != 0, first)?;
        let b = rows_of(matrix(b, j, size_b)?, depth, data.transposed[1] != 0, second)?;
        let out = out.chunks_exact_mut(columns.max(1)).skip(product * rows).take(rows);
        for (x, out) in a.chunks_exact(depth.max(1)).zip(out) {
            let (scale, zero) = quantize(node.level(), x, mode, quantized);
            let scale = scale * data.scale;
            let f = |column, sum: i32| set(out, column, sum as f32 * scale);
            level.run(Rows { x: &*quantized, zero: zero as i16, rows: b, f });
        }
        Ok(())
    })
}
