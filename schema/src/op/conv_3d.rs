//! CONV_3D: three-dimensional convolution.
//!
//! Input 0 is the volume `[batch, depth, height, width, channels]`, input 1 the weights `[kernel depth,
//! kernel height, kernel width, channels, filters]`, input 2 (optional) the bias `[filters]`.
//!
//! `out[b, z, y, x, f] = activation(bias[f] + sum over h, i, j, c of
//!  in[b, z * stride_d + h * dilation_d - before_d, y * ..., x * ..., c] * weights[h, i, j, c, f])`, cells
//! outside the volume counting as 0.

use super::conv_2d::bias;
use super::node::fits;
use super::{Activation, Node, NodeExt as _, Padding, QuantizationRule, Window};
use crate::Shape;
use crate::error::{Refusal, Slot};

operator! {
    /// CONV_3D: three-dimensional convolution.
    Conv3d = Conv3d, options (106, 0), inputs (2, 3),
    quantization QuantizationRule::Calibrated;
    /// How the window moves over the border.
    0 padding: Padding = Padding::Same;
    /// Slices between two positions.
    1 stride_d: i32 = 0;
    /// Columns between two positions.
    2 stride_w: i32 = 0;
    /// Rows between two positions.
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

impl Conv3d {
    /// The windows of slices, rows and columns over a volume of this shape, for weights of this shape.
    ///
    /// # Errors
    /// Where strides or dilations are not positive.
    pub fn windows(&self, volume: &Shape, weights: &Shape) -> Result<[Window; 3], Refusal> {
        let window = |axis, stride, dilation| {
            Window::new(self.padding, volume.dim(axis + 1), weights.dim(axis), stride, dilation)
        };
        Ok([
            window(0, self.stride_d, self.dilation_d)?,
            window(1, self.stride_h, self.dilation_h)?,
            window(2, self.stride_w, self.dilation_w)?,
        ])
    }
}

fn shape(op: &Conv3d, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    let volume = node.input_of_rank(0, 5)?;
    let weights = node.input_of_rank(1, 5)?;
    if weights.dim(3) != volume.dim(4) {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    let filters = weights.dim(4);
    bias(node, 2, filters)?;
    let [slices, rows, columns] = op.windows(&volume, &weights)?.map(|w| w.output);
    fits(Shape::from_dims([volume.dim(0), slices, rows, columns, filters].map(|d| d as u32)))
}
