//! REDUCE_WINDOW: the elements that a window shows, reduced to one at each of its positions.
//!
//! Input 1 (one element) is the value to start from; inputs 2, 3 and 4 (int64) hold the window's size, its
//! stride and the distance between its elements in each dimension. The window lies wholly inside.

use super::node::fits;
use super::{Node, NodeExt as _, QuantizationRule, WindowFunction};
use crate::error::{Refusal, Slot};
use crate::{MAX_RANK, Shape};

operator! {
    /// REDUCE_WINDOW: the elements that a window shows, reduced to one at each of its positions.
    ReduceWindow = ReduceWindow, options (0, 20), inputs (5, 5),
    quantization QuantizationRule::Integers;
    /// How two elements become one.
    0 reduce_function: WindowFunction = WindowFunction::Unsupported;
}

/// A window of REDUCE_WINDOW along one dimension; all numbers are at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slide {
    /// Elements that the window shows.
    pub size: u32,
    /// Elements from one position of the window to the next.
    pub stride: u32,
    /// Elements from one that the window shows to the next.
    pub dilation: u32,
}

impl Slide {
    /// The window along dimension `axis`.
    ///
    /// # Errors
    /// Where a number is less than 1, or not known yet.
    pub fn of(node: &dyn Node, axis: usize) -> Result<Self, Refusal> {
        let number = |input: usize| {
            let number = u32::try_from(node.int(input, axis)?).ok().filter(|&number| number != 0);
            number.ok_or(Refusal::Value(Slot::Input(input as u8)))
        };
        Ok(Self { size: number(2)?, stride: number(3)?, dilation: number(4)? })
    }

    /// The positions of the window in a dimension of `dim` elements.
    fn positions(&self, dim: usize) -> usize {
        let reach = (u64::from(self.size) - 1) * u64::from(self.dilation);
        let rest = (dim as u64).checked_sub(reach.saturating_add(1));
        rest.map_or(0, |rest| (rest / u64::from(self.stride.max(1))) as usize + 1)
    }
}

fn shape(_op: &ReduceWindow, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let input = node.input(0)?;
    if node.input(1)?.elements() != 1 {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    for numbers in 2..5 {
        if node.input(numbers)?.elements() != input.rank() {
            return Err(Refusal::Shape(Slot::Input(numbers as u8)));
        }
    }
    let mut dims = [0; MAX_RANK];
    for (axis, (dim, &of)) in dims.iter_mut().zip(input.dims()).enumerate() {
        *dim = Slide::of(node, axis)?.positions(of as usize) as u32;
    }
    fits(Shape::from_dims(dims.iter().copied().take(input.rank())))
}
