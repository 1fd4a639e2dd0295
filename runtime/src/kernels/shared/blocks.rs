//! Images cut into blocks and put together again: SPACE_TO_DEPTH, DEPTH_TO_SPACE, SPACE_TO_BATCH_ND and
//! BATCH_TO_SPACE_ND.
//!
//! Each pair copies between the same cells in opposite directions, so an operator says what its image is
//! and which way it copies.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Blocks, Node as _};
use sedge_schema::{MAX_RANK, Refusal, Shape};

use super::region::{Region, Steps};
use super::{INPUT, OUTPUT, element_bytes, same_type};
use crate::arena::Span;
use crate::node::{Invoke, Prepare};

/// Which of the tensors is the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Image {
    /// The input, which is cut.
    Input,
    /// The output, which is put together.
    Output,
}

impl Image {
    /// Input and output, of the image and what has the blocks.
    fn order<T>(self, image: T, blocks: T) -> (T, T) {
        match self {
            Self::Input => (image, blocks),
            Self::Output => (blocks, image),
        }
    }
}

/// The bytes between neighbours along dimension `axis`.
fn stride(shape: &Shape, axis: usize, unit: usize) -> i64 {
    (shape.elements_in(axis + 1..MAX_RANK) * unit) as i64
}

/// Prepares a copy between an image and its blocks of `size` rows and columns as channels.
pub(crate) fn prepare_depth(node: &mut Prepare<'_>, size: i32, image: Image) -> Result<(), Refusal> {
    let unit = element_bytes(same_type(node)?, INPUT)?;
    let (input, output) = (node.shape(INPUT)?, node.shape(OUTPUT)?);
    let (cells, deep) = image.order(input, output);
    let size = usize::try_from(size).map_err(|_| Refusal::Parameter("block_size"))?;
    let line = (size * cells.dim(3) * unit) as i64;
    let mut steps = Steps::default();
    let mut step = |count, cell, deep| {
        let (from, to) = image.order(cell, deep);
        steps.push(count, from, to)
    };
    step(deep.dim(0), stride(&cells, 0, unit), stride(&deep, 0, unit))?;
    step(deep.dim(1), stride(&cells, 1, unit) * size as i64, stride(&deep, 1, unit))?;
    step(deep.dim(2), line, stride(&deep, 2, unit))?;
    step(size, stride(&cells, 1, unit), line)?;
    step(size * cells.dim(3), unit as i64, unit as i64)?;
    Region::new(node, steps, unit, (0, 0))?.prepare(node)
}

/// A spatial dimension whose cells are dealt out to batches.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Side {
    /// Cells of a block, and those before the image's first.
    size: u32,
    before: u32,
    /// Cells of the image, and of each batch.
    image: u32,
    batch: u32,
}

impl Side {
    /// The image's first cell with number `number` of a block, the block that it is in, and how many there are.
    fn cells(&self, number: u32) -> (u32, u32, u32) {
        let block = self.before.saturating_sub(number).div_ceil(self.size.max(1));
        let cell = (block * self.size + number).saturating_sub(self.before);
        let inside = self.image.saturating_sub(cell).div_ceil(self.size.max(1));
        (cell, block, inside.min(self.batch.saturating_sub(block)))
    }
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// A [`Side`] for each spatial dimension.
    sides: Span,
    /// Batches of the image.
    batch: u32,
    /// The bytes of all inner dimensions.
    run: u32,
    /// The byte that cells around the image repeat.
    zero: u32,
    /// Whether the image is the output.
    to_image: u32,
}

/// Prepares a copy between an image and its blocks as batches.
pub(crate) fn prepare_batch(node: &mut Prepare<'_>, image: Image) -> Result<(), Refusal> {
    let kind = same_type(node)?;
    let unit = element_bytes(kind, INPUT)?;
    let (cells, dealt) = image.order(node.shape(INPUT)?, node.shape(OUTPUT)?);
    let (blocks, spatial) = Blocks::of(node)?;
    let sides = node.list::<Side>(spatial)?;
    for (axis, (side, blocks)) in (1..).zip(node.list_mut::<Side>(sides).iter_mut().zip(blocks)) {
        let (image, batch) = (cells.dim(axis) as u32, dealt.dim(axis) as u32);
        *side = Side { size: blocks.size, before: blocks.around.0, image, batch };
    }
    let zero = if unit == 1 { node.quantization(OUTPUT)?.map_or(0, |q| q.zero_point_at(0)) } else { 0 };
    let run = cells.elements_in(spatial + 1..MAX_RANK) * unit;
    node.set_data(Data {
        sides,
        batch: cells.dim(0) as u32,
        run: u32::try_from(run).map_err(|_| Refusal::TooLarge)?,
        zero: u32::from(zero as u8),
        to_image: u32::from(image == Image::Output),
    })
}

/// Runs an operator that [`prepare_batch`] prepared.
pub(crate) fn invoke_batch(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let sides = node.list::<Side>(data.sides);
    let to = node.output::<u8>(0)?;
    let from = node.input::<u8>(0)?;
    let image = if data.to_image != 0 { Image::Output } else { Image::Input };
    if image == Image::Input {
        to.fill(data.zero as u8);
    }
    let run = data.run as usize;
    let rows = |of: fn(&Side) -> u32| sides.iter().fold(run as i64, |n, side| n * i64::from(of(side)));
    let (image_row, batch_row) = (rows(|side| side.image), rows(|side| side.batch));
    // Without cells there is nothing to copy, however many blocks there are.
    if from.is_empty() || to.is_empty() {
        return Ok(());
    }
    let blocks: u64 = sides.iter().map(|side| u64::from(side.size)).product();
    for block in 0..blocks {
        let mut steps = Steps::default();
        let mut push = |count: u32, cells, dealt| {
            let (from, to) = image.order(cells, dealt);
            steps.push(count as usize, from, to)
        };
        push(data.batch, image_row, batch_row)?;
        let (mut first_cell, mut first_dealt) = (0, block as i64 * i64::from(data.batch) * batch_row);
        let (mut outer, mut image_stride, mut batch_stride) = (blocks, image_row, batch_row);
        for side in sides {
            outer /= u64::from(side.size.max(1));
            let number = (block / outer.max(1)) % u64::from(side.size.max(1));
            image_stride /= i64::from(side.image.max(1));
            batch_stride /= i64::from(side.batch.max(1));
            let (cell, of, count) = side.cells(number as u32);
            first_cell += i64::from(cell) * image_stride;
            first_dealt += i64::from(of) * batch_stride;
            push(count, image_stride * i64::from(side.size), batch_stride)?;
        }
        push(data.run, 1, 1)?;
        let first = image.order(first_cell as u64, first_dealt as u64);
        Region::of(&mut steps, 1, first)?.run(steps.as_slice(), from, to)?;
    }
    Ok(())
}
