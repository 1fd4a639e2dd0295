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
        if entries > 2 * MAX_RANK {
            return Err(Refusal::Shape(Slot::Input(1)));
        }
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
        let step = i32::try_from(stride)
            .ok()
            .filter(|&s| s != 0 && s != i32::MIN)
            .ok_or(Refusal::Value(Slot::Input(3)))?;
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
        let count = if distance > 0 { (distance - 1) / stride.max(1) + 1 } else { 0 };
        Ok(match count {
            0 => Cut::all(0),
            1 => Cut { start: start as u32, step: 1, count: 1 },
            _ => Cut { start: start as u32, step, count: count as u32 },
        })
    }
}

fn shape(op: &StridedSlice, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    Ok(op.cuts(node)?.1)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use super::{Cut, MAX_RANK, Node, Refusal, Shape, Slot, StridedSlice};
    use crate::TensorType;

    /// An input's dimensions, and the entries of inputs 1, 2 and 3.
    struct Fake<'a>(&'a [u32], [&'a [i64]; 3]);

    impl Node for Fake<'_> {
        fn inputs(&self) -> usize {
            4
        }

        fn outputs(&self) -> usize {
            1
        }

        fn has(&self, _slot: Slot) -> bool {
            true
        }

        fn shape(&self, slot: Slot) -> Result<Shape, Refusal> {
            let shape = match slot {
                Slot::Input(0) => Shape::new(self.0),
                Slot::Input(i) => Shape::new(&[self.1[usize::from(i) - 1].len() as u32]),
                Slot::Output(_) => None,
            };
            shape.ok_or(Refusal::Absent(slot))
        }

        fn tensor_type(&self, _slot: Slot) -> Result<TensorType, Refusal> {
            Ok(TensorType::Int32)
        }

        fn values(&self, input: usize) -> Result<&[u8], Refusal> {
            Err(Refusal::Pending(Slot::Input(input as u8)))
        }

        fn int(&self, input: usize, element: usize) -> Result<i64, Refusal> {
            Ok(self.1[input - 1][element])
        }
    }

    const PLAIN: StridedSlice = StridedSlice {
        begin_mask: 0,
        end_mask: 0,
        ellipsis_mask: 0,
        new_axis_mask: 0,
        shrink_axis_mask: 0,
        offset: false,
    };

    fn shape_of(op: StridedSlice, dims: &[u32], entries: [&[i64]; 3]) -> Result<Vec<u32>, Refusal> {
        op.cuts(&Fake(dims, entries)).map(|(_, shape)| shape.dims().to_vec())
    }

    /// The indices that a walk from `begin` to `end` meets, found by walking.
    fn walk(dim: i64, begin: Option<i64>, end: Option<i64>, stride: i64) -> Vec<i64> {
        let turned = |at: i64| if at < 0 { at + dim } else { at };
        let mut at = match begin {
            Some(at) if stride > 0 => turned(at).max(0),
            Some(at) => turned(at).min(dim - 1),
            None if stride > 0 => 0,
            None => dim - 1,
        };
        let past = |at: i64| match end {
            // A negative end that stays negative is before the first element.
            Some(end) if stride > 0 => at >= turned(end),
            Some(end) => at <= turned(end),
            None => false,
        };
        let mut met = Vec::new();
        while (0..dim).contains(&at) && !past(at) {
            met.push(at);
            at += stride;
        }
        met
    }

    #[test]
    fn cuts_are_what_a_walk_meets() {
        let places = || (-7..8i64).map(Some).chain([None]);
        for dim in 0..6u32 {
            for (begin, end) in places().flat_map(|b| places().map(move |e| (b, e))) {
                for stride in [-9, -3, -2, -1, 1, 2, 3, 9] {
                    let op = StridedSlice {
                        begin_mask: i32::from(begin.is_none()),
                        end_mask: i32::from(end.is_none()),
                        ..PLAIN
                    };
                    let entries = [&[begin.unwrap_or(99)][..], &[end.unwrap_or(99)], &[stride]];
                    let (cuts, shape) = op.cuts(&Fake(&[dim], entries)).unwrap();
                    let Cut { start, step, count } = cuts[0];
                    let met: Vec<i64> =
                        (0..i64::from(count)).map(|k| i64::from(start) + k * i64::from(step)).collect();
                    assert_eq!(
                        met,
                        walk(dim.into(), begin, end, stride),
                        "{dim} [{begin:?}:{end:?}:{stride}]"
                    );
                    assert_eq!(shape.dims(), [count]);
                }
            }
        }
    }

    #[test]
    fn masks_make_and_drop_dimensions() {
        let all: &[i64] = &[0, 0, 0, 0];
        let one: &[i64] = &[1, 1, 1, 1];
        // x[0, ..., new, 0:1]
        let op = StridedSlice { shrink_axis_mask: 1, ellipsis_mask: 2, new_axis_mask: 4, ..PLAIN };
        assert_eq!(shape_of(op, &[2, 3, 4, 5], [all, one, one]), Ok([3, 4, 1, 1].to_vec()));
        // x[0:1, 0], the rest as it is.
        let op = StridedSlice { shrink_axis_mask: 2, ..PLAIN };
        assert_eq!(shape_of(op, &[2, 3, 4], [&[0, 0], &[1, 1], &[1, 1]]), Ok([1, 4].to_vec()));
        // Ends that count from their beginnings.
        let op = StridedSlice { offset: true, ..PLAIN };
        assert_eq!(shape_of(op, &[9], [&[4], &[3], &[1]]), Ok([3].to_vec()));
    }

    #[test]
    fn entries_that_do_not_fit_are_refused() {
        let values = |i| Err(Refusal::Value(Slot::Input(i)));
        assert_eq!(shape_of(PLAIN, &[3], [&[0], &[1], &[0]]), values(3));
        let index = StridedSlice { shrink_axis_mask: 1, ..PLAIN };
        assert_eq!(shape_of(index, &[3], [&[3], &[4], &[1]]), values(1));
        assert_eq!(shape_of(index, &[3], [&[-4], &[0], &[-1]]), values(1));
        let many = [&[0; 2 * MAX_RANK + 1][..]; 3];
        assert_eq!(shape_of(PLAIN, &[3], many), Err(Refusal::Shape(Slot::Input(1))));
        let ones: &[i64] = &[1, 1];
        assert_eq!(shape_of(PLAIN, &[3], [ones, ones, ones]), Err(Refusal::Shape(Slot::Input(1))));
    }
}
