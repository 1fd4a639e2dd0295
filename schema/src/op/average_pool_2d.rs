//! AVERAGE_POOL_2D: the mean of the cells of a window that lie inside the image.
//!
//! Input 0 is the image `[batch, height, width, channels]`; each channel is pooled by itself.

use super::node::fits;
use super::{Activation, Node, NodeExt as _, Padding, QuantizationRule, Window};
use crate::Shape;
use crate::error::Refusal;

operator! {
    /// AVERAGE_POOL_2D: the mean of the cells of a window that lie inside the image.
    AveragePool2d = AveragePool2d, options (5, 0), inputs (1, 1),
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

impl AveragePool2d {
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

fn shape(op: &AveragePool2d, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let image = node.input_of_rank(0, 4)?;
    pooled(&image, op.windows(&image)?)
}

/// The shape of `image` pooled by these windows.
pub(super) fn pooled(image: &Shape, (rows, columns): (Window, Window)) -> Result<Shape, Refusal> {
    fits(Shape::from_dims([image.dim(0), rows.output, columns.output, image.dim(3)].map(|d| d as u32)))
}

/// The windows of rows and columns of a pooling operator; `filter` and `stride` give the rows' value first.
///
/// # Errors
/// Where window or strides are not positive.
pub(super) fn pool_windows(
    padding: Padding,
    image: &Shape,
    [height, width]: [i32; 2],
    stride: [i32; 2],
) -> Result<(Window, Window), Refusal> {
    let size = |v: i32, name| usize::try_from(v).ok().filter(|&v| v > 0).ok_or(Refusal::Parameter(name));
    let kernel = [size(height, "filter_height")?, size(width, "filter_width")?];
    Window::over_image(padding, image, kernel, stride, [1, 1])
}
