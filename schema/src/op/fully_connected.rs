//! FULLY_CONNECTED: a matrix product with the weights transposed.
//!
//! Input 0 is read as `[rows, depth]` whatever its shape, input 1 holds the weights `[units,
//! depth]`, input 2 (optional) the bias `[units]`.
//! `out[r, u] = activation(bias[u] + sum over d of in[r, d] * weights[u, d])`.

use super::conv_2d::bias;
use super::node::fits;
use super::{Activation, Node, NodeExt as _, QuantizationRule, WeightsFormat};
use crate::error::{Refusal, Slot};
use crate::{Shape, TensorType};

operator! {
    /// FULLY_CONNECTED: a matrix product with the weights transposed.
    FullyConnected = FullyConnected, options (8, 0), inputs (2, 3),
    quantization QuantizationRule::Weights { axis: 0, data: 0, bias: 2 };
    /// Applied to the result.
    0 activation: Activation = Activation::None;
    /// How the weights are stored; 0 is row by row, the only one supported.
    1 weights_format: WeightsFormat = WeightsFormat::Default;
    /// Whether the output keeps the input's dimensions but the last.
    2 keep_num_dims: bool = false;
    /// Whether float activations are quantized asymmetrically for int8 weights.
    3 asymmetric_quantize_inputs: bool = false;
    /// The bias's type in 16x8 quantization.
    4 quantized_bias_type: TensorType = TensorType::Float32;
}

fn shape(op: &FullyConnected, node: &dyn Node, _output: usize) -> Result<Shape, Refusal> {
    if op.weights_format != WeightsFormat::Default {
        return Err(Refusal::Parameter("weights_format"));
    }
    let input = node.input(0)?;
    let weights = node.input_of_rank(1, 2)?;
    let (units, depth) = (weights.dim(0), weights.dim(1));
    if depth == 0 || input.elements() % depth != 0 {
        return Err(Refusal::Shape(Slot::Input(1)));
    }
    bias(node, 2, units)?;
    if op.keep_num_dims {
        let last = input.rank().checked_sub(1).ok_or(Refusal::Shape(Slot::Input(0)))?;
        if input.dim(last) != depth {
            return Err(Refusal::Shape(Slot::Input(1)));
        }
        return fits(input.with(last, units as u32));
    }
    fits(Shape::from_dims([(input.elements() / depth) as u32, units as u32]))
}
