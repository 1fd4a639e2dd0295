//! STRIDED_SLICE: every so-many-th index of some dimensions, as Python's `x[begin:end:stride, ...]`.
//!
//! Inputs 1, 2 and 3 (int32) hold an entry for each subscript: where it begins, where it ends, and
//! its stride; negative positions count from the end and are then clamped to the dimension. Bits of
//! the masks say what an entry stands for instead: a beginning or end left out, `...`, a new
//! dimension, or a single index whose dimension vanishes.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule};
use crate::error::{Refusal, Slot};
use crate::{MAX_RANK, Shape};

operator! {
    /// STRIDED_SLICE: every so-many-th index of some dimensions.
    StridedSlice = StridedSlice, options (32, 0), inputs (4, 4),
    quantization QuantizationRule::SameAsInput;
    /// Entries that begin at the dimension's first element (its last, where the stride is negative).
    0 begin_mask: i32 = 0;
    /// Entries that reach to the dimension's end.
    1 end_mask: i32 = 0;
    /// The entry that stands for all dimensions that no other speaks of.
    2 ellipsis_mask: i32 = 0;
    /// Entries that stand for a new dimension of size 1.
    3 new_axis_mask: i32 = 0;
    /// Entries that take one index, whose dimension vanishes.
    4 shrink_axis_mask: i32 = 0;
    /// Whether an end counts from its beginning.
    5 offset: bool = false;
}

/// What a slice takes of one dimension: the indices `start`, `start + step`, ...
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The first index.
    pub start: u32,
    /// From one index to the next; may be negative.
    pub step: i32,
    /// The number of indices.
    pub count: u32,
}

impl Cut {
    /// All of a dimension of size 1.
    pub const ONE: Self = Self::all(1);

    /// All of a dimension.
    pub const fn all(dim: u32) -> Self {
        Self { start: 0, step: 1, count: dim }
    }
}

fn bit(mask: i32, entry: usize) -> bool {
    entry < 32 && mask as u32 >> entry & 1 != 0
}

impl StridedSlice {
    /// What is taken of each of the input's dimensions, and the output's shape.
    ///
    /// # Errors
    /// Where the entries do not fit the input, or are not known yet.
    pub fn cuts(&self, node: &dyn Node) -> Result<([Cut; MAX_RANK], Shape), Refusal> {
        let input = node.input(0)?;
        let entries = node.input(1)?.elements();
        for i in [2, 3] {
            if node.input(i)?.elements() != entries {
                return Err(Refusal::Shape(Slot::Input(i as u8)));
            }
        }
        let is_new = |e| bit(self.new_axis_mask, e) && !bit(self.ellipsis_mask, e);
        // An ellipsis takes what the other entries leave of the dimensions, and one at least.
        let others = (0..entries).filter(|&e| !is_new(e) && !bit(self.ellipsis_mask, e)).count();
        let ellipsis = input.rank().saturating_sub(others).max(1);
        if self.ellipsis_mask.count_ones() > 1 {
            return Err(Refusal::Parameter("ellipsis_mask"));
        }
        let mut cuts = [Cut::ONE; MAX_RANK];
        cuts.iter_mut().zip(input.dims()).for_each(|(cut, &dim)| *cut = Cut::all(dim));
        let (mut dims, mut rank) = ([1u32; MAX_RANK], 0);
        let mut push = |dim: u32| {
            *dims.get_mut(rank).ok_or(Refusal::TooLarge)? = dim;
            rank += 1;
            Ok(())
        };
        let mut axis = 0;
        for entry in 0..entries {
            if is_new(entry) {
                push(1)?;
                continue;
            }
            if bit(self.ellipsis_mask, entry) {
                for &dim in input.dims().iter().skip(axis).take(ellipsis) {
                    push(dim)?;
                }
                axis += ellipsis;
                continue;
            }
            let Some(&dim) = input.dims().get(axis) else {
                // After an ellipsis that took a dimension though none was left, one entry is over.
                if self.ellipsis_mask != 0 {
                    break;
                }
                return Err(Refusal::Shape(Slot::Input(1)));
            };
            let cut = self.cut(node, entry, dim)?;
            *cuts.get_mut(axis).ok_or(Refusal::Internal)? = cut;
            if !bit(self.shrink_axis_mask, entry) {
                push(cut.count)?;
            }
            axis += 1;
        }
        for &dim in input.dims().iter().skip(axis) {
            push(dim)?;
        }
        let shape = fits(Shape::from_dims(dims.into_iter().take(rank)))?;
        Ok((cuts, shape))
    }

    /// What an entry takes of its dimension.
    fn cut(&self, node: &dyn Node, entry: usize, dim: u32) -> Result<Cut, Refusal> {
        let dim = i64::from(dim);
        let stride = node.int(3, entry)?;
        let step =
            i32::try_from(stride).ok().filter(|&s| s != 0 && s != i32::MIN).ok_or(Refusal::Value(Slot::Input(3)))?;
        // Positions that a walk with this stride may start at or stop before.
        let (low, high) = if step > 0 { (0, dim) } else { (-1, dim - 1) };
        let (first, last) = if step > 0 { (low, high) } else { (high, low) };
        let place = |at: i64| if at < 0 { at + dim } else { at }.clamp(low, high.max(low));
        let start = if bit(self.begin_mask, entry) { first } else { place(node.int(1, entry)?) };
        if bit(self.shrink_axis_mask, entry) {
            if !(0..dim).contains(&start) {
                return Err(Refusal::Value(Slot::Input(1)));
            }
            return Ok(Cut { start: start as u32, step: 1, count: 1 });
        }
        let end = node.int(2, entry)?;
        let end = if self.offset { end.saturating_add(start) } else { end };
        let stop = if bit(self.end_mask, entry) { last } else { place(end) };
        let (distance, stride) = if step > 0 { (stop - start, stride) } else { (start - stop, -stride) };
        let count = if distance > 0 { (distance - 1) / stride + 1 } else { 0 };
        if count == 0 {
            return Ok(Cut { start: 0, step: 1, count: 0 });
        }
        Ok(Cut { start: start as u32, step, count: count as u32 })
    }
}

fn shape(op: &StridedSlice, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    Ok(op.cuts(node)?.1)
}
