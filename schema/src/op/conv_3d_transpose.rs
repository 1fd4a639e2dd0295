//! CONV_3D_TRANSPOSE: the transpose of a three-dimensional convolution.
//!
//! Input 0 holds the output's shape `[batch, depth, height, width, filters]`, input 1 the weights `[kernel
//! depth, kernel height, kernel width, filters, channels]`, input 2 the volume `[batch, slices, rows,
//! columns, channels]`, input 3 (optional) the bias `[filters]`.
//!
//! Every voxel adds its products with all weights to the output, as a pixel does in
//! [`TransposeConv`](super::TransposeConv).

use super::node::fits;
use super::transpose_conv::listed_output;
use super::{Activation, Node, NodeExt as _, Padding, QuantizationRule, Window};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// CONV_3D_TRANSPOSE: the transpose of a three-dimensional convolution.
    Conv3dTranspose = Conv3dTranspose, options (106, 0), inputs (3, 4),
    quantization QuantizationRule::Calibrated;
    /// How the window moves over the output's border.
    0 padding: Padding = Padding::Same;
    /// Slices of the output between two voxels.
    1 stride_d: i32 = 0;
    /// Columns of the output between two voxels.
    2 stride_w: i32 = 0;
    /// Rows of the output between two voxels.
    3 stride_h: i32 = 0;
    /// Applied to the result.
    4 activation: Activation = Activation::None;
    /// Slices between two cells of the window.
    5 dilation_d: i32 = 1;
    /// Columns between two cells of the window.
    6 dilation_w: i32 = 1;
    /// Rows between two cells of the window.
    7 dilation_h: i32 = 1;
}

impl Conv3dTranspose {
    /// The windows of slices, rows and columns over an output of this shape: each of their positions is a
    /// voxel of `volume`.
    ///
    /// # Errors
    /// Where strides or dilations are not positive.
    pub fn windows(&self, output: &Shape, weights: &Shape, volume: &Shape) -> Result<[Window; 3], Refusal> {
        let window = |axis, stride, dilation| {
            let window =
                Window::new(self.padding, output.dim(axis + 1), weights.dim(axis), stride, dilation)?;
            Ok(Window { output: volume.dim(axis + 1), ..window })
        };
        Ok([
            window(0, self.stride_d, self.dilation_d)?,
            window(1, self.stride_h, self.dilation_h)?,
            window(2, self.stride_w, self.dilation_w)?,
        ])
    }
}

fn shape(op: &Conv3dTranspose, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let weights = node.input_of_rank(1, 5)?;
    let volume = node.input_of_rank(2, 5)?;
    if weights.dim(4) != volume.dim(4) {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    let output = listed_output(node, &volume, weights.dim(3))?;
    op.windows(&output, &weights, &volume)?;
    fits(Some(output))
}
