//! MAX_POOL_2D: the largest of the cells of a window that lie inside the image.
//!
//! Input 0 is the image `[batch, height, width, channels]`; each channel is pooled by itself.

use super::average_pool_2d::{pool_windows, pooled};
use super::{Activation, Node, NodeExt as _, Padding, QuantizationRule, Window};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// MAX_POOL_2D: the largest of the cells of a window that lie inside the image.
    MaxPool2d = MaxPool2d, options (5, 0), inputs (1, 1),
    quantization QuantizationRule::SameAsInput;
    /// How the window moves over the border.
    0 padding: Padding = Padding::Same;
    /// Columns between two positions.
    1 stride_w: i32 = 0;
    /// Rows between two positions.
    2 stride_h: i32 = 0;
    /// Columns of the window.
    3 filter_width: i32 = 0;
    /// Rows of the window.
    4 filter_height: i32 = 0;
    /// Applied to the result.
    5 activation: Activation = Activation::None;
}

impl MaxPool2d {
    /// The windows of rows and columns for an image of this shape.
    ///
    /// # Errors
    /// Where window or strides are not positive.
    pub fn windows(&self, image: &Shape) -> Result<(Window, Window), Refusal> {
        pool_windows(
            self.padding,
            image,
            [self.filter_height, self.filter_width],
            [self.stride_h, self.stride_w],
        )
    }
}

fn shape(op: &MaxPool2d, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let image = node.input_of_rank(0, 4)?;
    pooled(&image, op.windows(&image)?)
}
