//! Windows that slide over images: convolution and pooling.

use super::Padding;
use crate::Shape;
use crate::error::{Refusal, Slot};

/// One dimension of a window that slides over an image: where it starts and how often it fits.
///
/// Position `o` of the output covers the input cells `o * stride - before + k * dilation` for `k`
/// in `0..kernel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Cells of the window.
    pub kernel: usize,
    /// Input cells between two positions.
    pub stride: usize,
    /// Input cells between two cells of the window.
    pub dilation: usize,
    /// Padding cells before the image.
    pub before: usize,
    /// Positions.
    pub output: usize,
}

impl Window {
    /// The window of `kernel` cells over an image of `input` cells.
    ///
    /// # Errors
    /// Where stride or dilation is not positive, or the window is empty.
    pub fn new(
        padding: Padding,
        input: usize,
        kernel: usize,
        stride: i32,
        dilation: i32,
    ) -> Result<Self, Refusal> {
        let positive =
            |v: i32, name| u32::try_from(v).ok().filter(|&v| v > 0).ok_or(Refusal::Parameter(name));
        let stride = positive(stride, "stride")? as u64;
        let dilation = positive(dilation, "dilation")? as u64;
        if kernel == 0 {
            return Err(Refusal::Shape(Slot::Input(1)));
        }
        // 32-bit values: no product or sum below leaves 64 bits.
        let image = input as u64;
        let reach = (kernel as u64 - 1) * dilation + 1;
        let output = match padding {
            Padding::Same => image.div_ceil(stride),
            Padding::Valid => (image + stride).saturating_sub(reach) / stride,
        };
        let covered = output.saturating_sub(1) * stride + reach;
        let before = match padding {
            Padding::Same => covered.saturating_sub(image) / 2,
            Padding::Valid => 0,
        };
        // 31-bit values, so that the sum of two of them fits 32 bits.
        let fit = |v: u64| i32::try_from(v).map(|v| v as usize).map_err(|_| Refusal::TooLarge);
        Ok(Self {
            kernel,
            stride: fit(stride)?,
            dilation: fit(dilation)?,
            before: fit(before)?,
            output: fit(output)?,
        })
    }

    /// The windows of rows and columns over an image `[batch, height, width, channels]`; `kernel`,
    /// `stride` and `dilation` give the rows' value first.
    ///
    /// # Errors
    /// As [`Window::new`].
    pub fn over_image(
        padding: Padding,
        image: &Shape,
        kernel: [usize; 2],
        stride: [i32; 2],
        dilation: [i32; 2],
    ) -> Result<(Self, Self), Refusal> {
        Ok((
            Self::new(padding, image.dim(1), kernel[0], stride[0], dilation[0])?,
            Self::new(padding, image.dim(2), kernel[1], stride[1], dilation[1])?,
        ))
    }

    /// The cells `k` of the window that lie inside an image of `input` cells at position `o`.
    pub fn inside(&self, o: usize, input: usize) -> core::ops::Range<usize> {
        let start = o * self.stride;
        // Most windows are not dilated, and some processors have no division.
        let cells =
            |inputs: usize| if self.dilation == 1 { inputs } else { inputs.div_ceil(self.dilation.max(1)) };
        let first = cells(self.before.saturating_sub(start));
        let last = cells((input + self.before).saturating_sub(start));
        first.min(self.kernel)..last.min(self.kernel)
    }

    /// The positions that cover cell `at` of the image, each behind the cell of the window that lies there.
    pub fn covering(&self, at: usize) -> impl Iterator<Item = (usize, usize)> + Clone + use<> {
        let Self { kernel, stride, dilation, before, output } = *self;
        let at = at + before;
        (0..kernel).filter_map(move |k| {
            let start = at.checked_sub(k * dilation)?;
            let position = start / stride.max(1);
            (start % stride.max(1) == 0 && position < output).then_some((k, position))
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use super::{Padding, Refusal, Window};

    #[test]
    fn same_padding_puts_the_odd_cell_at_the_end() {
        let w = Window::new(Padding::Same, 5, 4, 2, 1).unwrap();
        assert_eq!((w.output, w.before), (3, 1));
        assert_eq!(w.inside(0, 5), 1..4);
        assert_eq!(w.inside(2, 5), 0..2);
    }

    #[test]
    fn a_window_larger_than_a_valid_image_has_no_position() {
        assert_eq!(Window::new(Padding::Valid, 3, 5, 1, 1).unwrap().output, 0);
        assert_eq!(Window::new(Padding::Valid, 5, 5, 3, 1).unwrap().output, 1);
    }

    #[test]
    fn padding_is_bounded() {
        // 69,999 * 70,000 + 1 cells are covered, half of which are more than 31 bits.
        assert_eq!(Window::new(Padding::Same, 20, 70_000, 1, 70_000), Err(Refusal::TooLarge));
    }

    #[test]
    fn covering_is_the_reverse_of_inside() {
        for (input, kernel, stride, dilation) in [(7, 3, 2, 2), (1, 5, 1, 1), (4, 2, 5, 3), (9, 4, 3, 1)] {
            let w = Window::new(Padding::Same, input, kernel, stride, dilation).unwrap();
            let mut found: Vec<(usize, usize, usize)> =
                (0..input).flat_map(|at| w.covering(at).map(move |(k, o)| (o, k, at))).collect();
            found.sort_unstable();
            let naive: Vec<(usize, usize, usize)> = (0..w.output)
                .flat_map(|o| {
                    w.inside(o, input).map(move |k| (o, k, o * w.stride + k * w.dilation - w.before))
                })
                .collect();
            assert_eq!(found, naive);
        }
    }

    #[test]
    fn every_cell_that_inside_names_is_inside() {
        for padding in [Padding::Same, Padding::Valid] {
            for (input, kernel, stride, dilation) in [(7, 3, 2, 2), (1, 5, 1, 1), (4, 2, 5, 3), (9, 4, 3, 1)]
            {
                let w = Window::new(padding, input, kernel, stride, dilation).unwrap();
                for o in 0..w.output {
                    let naive: Vec<usize> = (0..kernel)
                        .filter(|k| {
                            let at = (o * w.stride + k * w.dilation) as isize - w.before as isize;
                            (0..input as isize).contains(&at)
                        })
                        .collect();
                    assert_eq!(w.inside(o, input).collect::<Vec<_>>(), naive);
                }
            }
        }
    }
}
