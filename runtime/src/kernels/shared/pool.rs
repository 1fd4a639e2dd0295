//! Pooling: AVERAGE_POOL_2D and MAX_POOL_2D.
//!
//! Channels are pooled side by side, in blocks that fit registers, so that the loop over them is
//! one of vector instructions.

use core::ops::Range;

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Activation, Node as _, Window};
use sedge_schema::{Refusal, TensorType};
use sedge_simd::{Kernel, Simd};

use super::{INPUT, OUTPUT, same_quantization, same_type};
use crate::element::Element;
use crate::fixed::quantized_range;
use crate::node::{Invoke, Prepare};

/// Rows or columns of the image and of the window over them.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Side {
    image: u32,
    kernel: u32,
    stride: u32,
    before: u32,
    output: u32,
}

impl Side {
    fn new(image: usize, window: Window) -> Result<Self, Refusal> {
        let fit = |v: usize| u32::try_from(v).map_err(|_| Refusal::TooLarge);
        Ok(Self {
            image: fit(image)?,
            kernel: fit(window.kernel)?,
            stride: fit(window.stride)?,
            before: fit(window.before)?,
            output: fit(window.output)?,
        })
    }

    /// The cells of the image under position `o` of the window.
    fn cells(&self, o: u32) -> Range<usize> {
        let start = i64::from(o) * i64::from(self.stride) - i64::from(self.before);
        let end = start + i64::from(self.kernel);
        start.max(0) as usize..end.clamp(0, self.image.into()) as usize
    }
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Data {
    /// The element type's code.
    kind: i32,
    low: f32,
    high: f32,
    min: i32,
    max: i32,
    channels: u32,
    rows: Side,
    columns: Side,
}

impl Data {
    pub(crate) fn kind(&self) -> Option<TensorType> {
        TensorType::from_code(self.kind as i8)
    }

    /// Clamps an integer to the activation's interval.
    #[inline]
    pub(crate) fn clamp(&self, x: i32) -> i32 {
        x.max(self.min).min(self.max)
    }

    /// Clamps a float to the activation's interval; what is no number stays none.
    #[inline]
    pub(crate) fn clamp_f32(&self, x: f32) -> f32 {
        match x {
            _ if x < self.low => self.low,
            _ if x > self.high => self.high,
            _ => x,
        }
    }
}

pub(crate) fn prepare(
    node: &mut Prepare<'_>,
    activation: Activation,
    (rows, columns): (Window, Window),
) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    let image = node.shape(INPUT)?;
    let (low, high) = activation.range().ok_or(Refusal::Parameter("activation"))?;
    let mut data = Data {
        kind: kind.code().into(),
        low,
        high,
        channels: image.dim(3) as u32,
        rows: Side::new(image.dim(1), rows)?,
        columns: Side::new(image.dim(2), columns)?,
        ..Data::zeroed()
    };
    match kind {
        TensorType::Float32 => {}
        TensorType::Int8 | TensorType::UInt8 | TensorType::Int16 => {
            // Cells are pooled as they stand, so both sides must mean the same by them.
            if !same_quantization(node, INPUT, OUTPUT)? {
                return Err(Refusal::Quantization(OUTPUT));
            }
            (data.min, data.max) = kind.integer_range().ok_or(Refusal::Internal)?;
            if activation != Activation::None {
                let output = node.affine(OUTPUT)?;
                (data.min, data.max) =
                    quantized_range((low, high), output.scale, output.zero_point, data.min, data.max);
            }
        }
        _ => return Err(Refusal::Type(INPUT)),
    }
    node.set_data(data)
}

/// Channels that are pooled at a time.
const BLOCK: usize = 32;

/// Pools each channel: from `start` on, `add` for each cell, `finish` with the number of cells.
#[inline]
pub(crate) fn invoke<T: Element, A: Copy>(
    node: &mut Invoke<'_>,
    start: A,
    add: impl Fn(A, T) -> A,
    finish: impl Fn(A, usize) -> T,
) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let to = node.output::<T>(0)?;
    let image = node.input::<T>(0)?;
    let channels = data.channels as usize;
    let line = data.columns.image as usize * channels;
    let image_len = data.rows.image as usize * line;
    if to.is_empty() || image_len == 0 {
        return Ok(());
    }
    let mut outputs = to.chunks_exact_mut(channels.max(1));
    for image in image.chunks_exact(image_len.max(1)) {
        for y in 0..data.rows.output {
            let rows = data.rows.cells(y);
            let lines = image.get(rows.start * line..rows.end * line).ok_or(Refusal::Internal)?;
            for x in 0..data.columns.output {
                let columns = data.columns.cells(x);
                let output = outputs.next().ok_or(Refusal::Internal)?;
                let count = (rows.len() * columns.len()).max(1);
                let span = columns.start * channels..columns.end * channels;
                for (block, output) in output.chunks_mut(BLOCK).enumerate() {
                    let mut sums = [start; BLOCK];
                    for line in lines.chunks_exact(line.max(1)) {
                        let cells = line.get(span.clone()).ok_or(Refusal::Internal)?;
                        for cell in cells.chunks_exact(channels.max(1)) {
                            let cell = cell.get(block * BLOCK..).unwrap_or_default();
                            sums.iter_mut().zip(cell).for_each(|(sum, &x)| *sum = add(*sum, x));
                        }
                    }
                    output.iter_mut().zip(sums).for_each(|(y, sum)| *y = finish(sum, count));
                }
            }
        }
    }
    Ok(())
}

/// Elements of which vectors have the largest.
pub(crate) trait Largest: Element {
    /// A vector of them.
    type Vector<S: Simd>: Copy;

    /// What is not larger than any.
    fn least<S: Simd>(simd: S) -> Self::Vector<S>;

    /// Each lane's larger one of `a` and the element of `from`; `a` where one is no number.
    fn larger<S: Simd>(simd: S, a: Self::Vector<S>, from: &[Self]) -> Self::Vector<S>;

    /// Writes two vectors, clamped, as many elements as there is room for.
    fn write<S: Simd>(simd: S, x: [Self::Vector<S>; 2], data: &Data, to: &mut [Self]);
}

impl Largest for i8 {
    type Vector<S: Simd> = S::I32;

    #[inline(always)]
    fn least<S: Simd>(simd: S) -> S::I32 {
        simd.splat_i32(i8::MIN.into())
    }

    #[inline(always)]
    fn larger<S: Simd>(simd: S, a: S::I32, from: &[i8]) -> S::I32 {
        simd.max_i32(a, simd.load_i8(from))
    }

    #[inline(always)]
    fn write<S: Simd>(simd: S, x: [S::I32; 2], data: &Data, to: &mut [i8]) {
        simd.store_clamped::<2, false>(x, 0, (data.min, data.max), to);
    }
}

impl Largest for f32 {
    type Vector<S: Simd> = S::F32;

    #[inline(always)]
    fn least<S: Simd>(simd: S) -> S::F32 {
        simd.splat_f32(f32::MIN)
    }

    #[inline(always)]
    fn larger<S: Simd>(simd: S, a: S::F32, from: &[f32]) -> S::F32 {
        simd.max_f32(a, simd.load_f32(from))
    }

    #[inline(always)]
    fn write<S: Simd>(simd: S, x: [S::F32; 2], data: &Data, to: &mut [f32]) {
        for (x, to) in x.into_iter().zip(to.chunks_mut(S::LANES)) {
            let x = simd.max_f32(x, simd.splat_f32(data.low));
            simd.store_f32(simd.min_f32(x, simd.splat_f32(data.high)), to);
        }
    }
}

/// The largest of each channel, by vectors.
pub(crate) fn largest<T: Largest>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let to = node.output::<T>(0)?;
    node.level().run(LargestOf { data, image: node.input::<T>(0)?, to }).ok_or(Refusal::Internal)
}

struct LargestOf<'p, T> {
    data: &'p Data,
    image: &'p [T],
    to: &'p mut [T],
}

impl<T: Largest> Kernel for LargestOf<'_, T> {
    type Output = Option<()>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Option<()> {
        let Self { data, image, to } = self;
        let channels = data.channels as usize;
        let line = data.columns.image as usize * channels;
        let image_len = data.rows.image as usize * line;
        if to.is_empty() || image_len == 0 {
            return Some(());
        }
        let mut outputs = to.chunks_exact_mut(channels.max(1));
        for image in image.chunks_exact(image_len) {
            for y in 0..data.rows.output {
                let rows = data.rows.cells(y);
                for x in 0..data.columns.output {
                    let columns = data.columns.cells(x);
                    for (block, output) in outputs.next()?.chunks_mut(2 * S::LANES).enumerate() {
                        let mut most = [T::least(simd); 2];
                        for row in rows.clone() {
                            for column in columns.clone() {
                                // Lanes behind the last channel are of the next cell, and not written.
                                let at = row * line + column * channels + block * 2 * S::LANES;
                                let first = image.get(at..)?;
                                most[0] = T::larger(simd, most[0], first);
                                most[1] = T::larger(simd, most[1], first.get(S::LANES..).unwrap_or_default());
                            }
                        }
                        T::write(simd, most, data, output);
                    }
                }
            }
        }
        Some(())
    }
}
