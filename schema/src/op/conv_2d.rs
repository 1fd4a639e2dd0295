//! CONV_2D: two-dimensional convolution.
//!
//! Input 0 is the image `[batch, height, width, channels]`, input 1 the weights `[filters,
//! kernel height, kernel width, channels / groups]`, input 2 (optional) the bias `[filters]`.
//!
//! `out[b, y, x, f] = activation(bias[f] + sum over i, j, c of
//!  in[b, y * stride_h + i * dilation_h - before_h, x * stride_w + ..., c] * weights[f, i, j, c])`,
//! cells outside the image counting as real 0.

use super::node::fits;
use super::{Activation, Node, NodeExt as _, Padding, QuantizationRule, Window};
use crate::error::{Refusal, Slot};
use crate::{Shape, TensorType};

operator! {
    /// CONV_2D: two-dimensional convolution.
    Conv2d = Conv2d, options (1, 0), inputs (2, 3),
    quantization QuantizationRule::Weights { axis: 0, data: 0, bias: 2 };
    /// How the window moves over the border.
    0 padding: Padding = Padding::Same;
    /// Columns between two positions.
    1 stride_w: i32 = 0;
    /// Rows between two positions.
    2 stride_h: i32 = 0;
    /// Applied to the result.
    3 activation: Activation = Activation::None;
    /// Columns between two cells of the window.
    4 dilation_w: i32 = 1;
    /// Rows between two cells of the window.
    5 dilation_h: i32 = 1;
    /// The bias's type in 16x8 quantization.
    6 quantized_bias_type: TensorType = TensorType::Float32;
}

impl Conv2d {
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

fn shape(op: &Conv2d, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let image = node.input_of_rank(0, 4)?;
    let weights = node.input_of_rank(1, 4)?;
    let groups_fit = weights.dim(3) != 0
        && image.dim(3).is_multiple_of(weights.dim(3))
        && image.dim(3) != 0
        && weights.dim(0).is_multiple_of(image.dim(3) / weights.dim(3));
    if !groups_fit {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    bias(node, 2, weights.dim(0))?;
    let (rows, columns) = op.windows(&image, &weights)?;
    fits(Shape::from_dims([image.dim(0), rows.output, columns.output, weights.dim(0)].map(|d| d as u32)))
}

/// Checks that the bias in input `i`, where there is one, has `filters` elements.
pub(super) fn bias(node: &dyn Node, i: u8, filters: usize) -> Result<(), Refusal> {
    let slot = Slot::Input(i);
    if node.has(slot) && node.shape(slot)?.elements() != filters { Err(Refusal::Shape(slot)) } else { Ok(()) }
}
