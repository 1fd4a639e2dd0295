//! TRANSPOSE_CONV: the transpose of a two-dimensional convolution.
//!
//! Input 0 holds the output's shape `[batch, height, width, filters]`, input 1 the weights `[filters,
//! kernel height, kernel width, channels]`, input 2 the image `[batch, rows, columns, channels]`, input 3
//! (optional) the bias `[filters]`.
//!
//! Every pixel of the image adds its products with all weights to the output:
//! `out[b, y * stride_h + i - before_h, x * stride_w + j - before_w, f] +=
//!  sum over c of in[b, y, x, c] * weights[f, i, j, c]`, what lies outside the output left out; the bias
//! and the activation follow.

use super::conv_2d::bias;
use super::node::{fits, listed_shape};
use super::{Activation, Node, NodeExt as _, Padding, QuantizationRule, Window};
use crate::error::{Refusal, Slot};
use crate::{Shape, TensorType};

operator! {
    /// TRANSPOSE_CONV: the transpose of a two-dimensional convolution.
    TransposeConv = TransposeConv, options (49, 0), inputs (3, 4),
    quantization QuantizationRule::Weights { axis: 0, data: 2, bias: 3 };
    /// How the window moves over the output's border.
    0 padding: Padding = Padding::Same;
    /// Columns of the output between two pixels of the image.
    1 stride_w: i32 = 0;
    /// Rows of the output between two pixels of the image.
    2 stride_h: i32 = 0;
    /// Applied to the result.
    3 activation: Activation = Activation::None;
    /// The bias's type in 16x8 quantization.
    4 quantized_bias_type: TensorType = TensorType::Float32;
}

impl TransposeConv {
    /// The windows of rows and columns over an output of this shape: each of their positions is a pixel of
    /// `image`.
    ///
    /// # Errors
    /// Where strides are not positive.
    pub fn windows(
        &self,
        output: &Shape,
        weights: &Shape,
        image: &Shape,
    ) -> Result<(Window, Window), Refusal> {
        let kernel = [weights.dim(1), weights.dim(2)];
        let stride = [self.stride_h, self.stride_w];
        let (rows, columns) = Window::over_image(self.padding, output, kernel, stride, [1, 1])?;
        Ok((Window { output: image.dim(1), ..rows }, Window { output: image.dim(2), ..columns }))
    }
}

fn shape(op: &TransposeConv, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let weights = node.input_of_rank(1, 4)?;
    let image = node.input_of_rank(2, 4)?;
    if weights.dim(3) != image.dim(3) {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    let output = listed_output(node, &image, weights.dim(0))?;
    op.windows(&output, &weights, &image)?;
    fits(Some(output))
}

/// The shape that input 0 lists for the output of a transposed convolution, which has the batch and the rank of
/// `image` and `filters` channels; the bias in input 3 is checked too.
pub(super) fn listed_output(node: &dyn Node, image: &Shape, filters: usize) -> Result<Shape, Refusal> {
    bias(node, 3, filters)?;
    let output = listed_shape(node, 0)?;
    let (rank, batch) = (image.rank(), image.dim(0));
    if output.rank() != rank || output.dim(0) != batch || output.dim(rank - 1) != filters {
        return Err(Refusal::Value(Slot::Input(0)));
    }
    Ok(output)
}
