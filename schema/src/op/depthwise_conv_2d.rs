//! DEPTHWISE_CONV_2D: convolution of each channel by itself.
//!
//! Input 0 is the image `[batch, height, width, channels]`, input 1 the weights `[1, kernel height,
//! kernel width, channels * multiplier]`, input 2 (optional) the bias `[channels * multiplier]`.
//! Output channel `o` comes from input channel `o / multiplier`.

use super::conv_2d::bias;
use super::node::fits;
use super::{Activation, Node, NodeExt as _, Padding, QuantizationRule, Window};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// DEPTHWISE_CONV_2D: convolution of each channel by itself.
    DepthwiseConv2d = DepthwiseConv2d, options (2, 0), inputs (2, 3),
    quantization QuantizationRule::Weights { axis: 3, data: 0, bias: 2 };
    /// How the window moves over the border.
    0 padding: Padding = Padding::Same;
    /// Columns between two positions.
    1 stride_w: i32 = 0;
    /// Rows between two positions.
    2 stride_h: i32 = 0;
    /// Output channels for each input channel. The shapes tell it as well; they are believed, as
    /// the peers do.
    3 depth_multiplier: i32 = 0;
    /// Applied to the result.
    4 activation: Activation = Activation::None;
    /// Columns between two cells of the window.
    5 dilation_w: i32 = 1;
    /// Rows between two cells of the window.
    6 dilation_h: i32 = 1;
}

impl DepthwiseConv2d {
    /// The windows of rows and columns for an image and weights of these shapes.
    ///
    /// # Errors
    /// Where strides or dilations are not positive.
    pub fn windows(&self, image: &Shape, weights: &Shape) -> Result<(Window, Window), Refusal> {
        let kernel = [weights.dim(1), weights.dim(2)];
        let (stride, dilation) = ([self.stride_h, self.stride_w], [self.dilation_h, self.dilation_w]);
        Window::over_image(self.padding, image, kernel, stride, dilation)
    }
}

fn shape(op: &DepthwiseConv2d, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let image = node.input_of_rank(0, 4)?;
    let weights = node.input_of_rank(1, 4)?;
    let channels = image.dim(3);
    if weights.dim(0) != 1 || channels == 0 || weights.dim(3) % channels != 0 {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    bias(node, 2, weights.dim(3))?;
    let (rows, columns) = op.windows(&image, &weights)?;
    fits(Shape::from_dims([image.dim(0), rows.output, columns.output, weights.dim(3)].map(|d| d as u32)))
}
