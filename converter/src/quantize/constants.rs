//! Constants of real values as integers.

use sedge_schema::TensorType;
use sedge_schema::op::{Op, QuantizationRule};

use super::assign::{range_of, rule};
use super::rounding::balanced;
use super::scale;
use super::scheme::Scheme;
use crate::Failure;
use crate::calibrate::{Moments, Range};
use crate::graph::{Graph, NodeId, Operation, Quantization, Tensor, TensorId, float_bytes};
use crate::passes::dequantized;

/// Quantizes the constants that a node reads, each into a tensor of its own: another node may want
/// the same values with other scales. `means` are those of the channels that weights are applied to, `moments` tell how
/// what they are applied to varies.
pub(super) fn quantize(
    graph: &mut Graph,
    id: NodeId,
    scheme: Scheme,
    means: Option<&[f64]>,
    moments: Option<&Moments>,
) -> Result<(), Failure> {
    let Operation::Known(op) = graph.node(id).op else { return Ok(()) };
    let wanted = op.quantization();
    let mut correction = Vec::new();
    for i in 0..graph.node(id).inputs.len() {
        let Some(input) = graph.node(id).input(i) else { continue };
        let Some(values) = graph.tensor(input).floats() else { continue };
        let quantized = match (wanted, i) {
            (QuantizationRule::Weights { axis, .. }, 1) => {
                // tflite-micro's fully connected layers take 4-bit weights with one scale only.
                let is_single = scheme == Scheme::Int4 && matches!(op, Op::FullyConnected(_));
                let axis = (!is_single).then_some(usize::from(axis));
                let tensor = graph.tensor(input);
                let least = least_scales(graph, id, scheme);
                // Transposed convolutions take no weights of 4 bits.
                let is_wide = scheme == Scheme::Int4 && matches!(op, Op::TransposeConv(_));
                let scheme = if is_wide { Scheme::Int8 } else { scheme };
                let small = weights(tensor, &values, axis, &least, scheme, |q, most| {
                    balanced(&op, tensor, &values, q, most, moments?)
                });
                correction = lost(&op, &small, &values, means).unwrap_or_default();
                small
            }
            (QuantizationRule::Weights { bias: at, .. }, i) if i == usize::from(at) => {
                let shifts = correction.iter().copied().chain(std::iter::repeat(0.0));
                let corrected: Vec<f32> =
                    values.iter().zip(shifts).map(|(&b, s)| (f64::from(b) + s) as f32).collect();
                bias(graph, id, input, &corrected, scheme)?
            }
            (QuantizationRule::AllSame | QuantizationRule::SameAsInput, _) => {
                let output =
                    graph.node(id).outputs.first().and_then(|&t| graph.tensor(t).quantization.clone());
                let q = output.unwrap_or_else(|| of_values(&values, scheme));
                activation(graph.tensor(input), &values, q, scheme)
            }
            _ => activation(graph.tensor(input), &values, of_values(&values, scheme), scheme),
        };
        let quantized = graph.add_tensor(quantized);
        if let Some(slot) = graph.node_mut(id).inputs.get_mut(i) {
            *slot = Some(quantized);
        }
    }
    Ok(())
}

/// What the sums of products lack in the mean for each output channel, because weights were rounded: the sum of
/// `(weight - rounded weight) * mean of its input` (bias correction; Nagel et al., Data-Free Quantization through
/// Weight Equalization and Bias Correction, 2019). Cells of the border, which see zeros, are not told apart.
fn lost(op: &Op, small: &Tensor, values: &[f32], means: Option<&[f64]>) -> Option<Vec<f64>> {
    let means = means?;
    let rounded = dequantized(small)?.floats()?;
    let differences = values.iter().zip(&rounded).map(|(&w, &r)| f64::from(w) - f64::from(r));
    let mut lost;
    if let Op::DepthwiseConv2d(op) = op {
        // Filter f reads channel f / multiplier.
        let filters = small.shape.last();
        let multiplier = usize::try_from(op.depth_multiplier).ok().filter(|&m| m != 0)?;
        lost = vec![0.0; filters];
        for (difference, filter) in differences.zip((0..filters).cycle()) {
            *lost.get_mut(filter)? += difference * means.get(filter / multiplier)?;
        }
    } else {
        // Filter after filter, the input's channels innermost; with groups each filter reads a part of them.
        let (filters, depth) = (small.shape.dim(0), small.shape.last());
        let per_filter = values.len().checked_div(filters)?;
        let groups = means.len().checked_div(depth)?;
        let per_group = filters.checked_div(groups)?;
        lost = vec![0.0; filters];
        // Each cell of a transposed convolution's result meets one weight of so many.
        let share = match op {
            Op::TransposeConv(op) => f64::from(op.stride_h.max(1)) * f64::from(op.stride_w.max(1)),
            _ => 1.0,
        };
        for (i, difference) in differences.enumerate() {
            let filter = i.checked_div(per_filter)?;
            let channel = filter.checked_div(per_group)? * depth + i.checked_rem(depth)?;
            *lost.get_mut(filter)? += difference * means.get(channel)? / share;
        }
    }
    lost.iter().all(|l| l.is_finite()).then_some(lost)
}

/// The quantization of values that are all known.
fn of_values(values: &[f32], scheme: Scheme) -> Quantization {
    scale::of_range(range_of(values).unwrap_or(Range { min: 0.0, max: 0.0 }), scheme.activations())
}

/// The largest magnitude of a bias of 32 bits, which leaves the sums of products room.
const MAX_BIAS: f64 = (1u32 << 29) as f64;

/// For each channel the smallest scale of the weights with which the bias behind them still fits.
fn least_scales(graph: &Graph, id: NodeId, scheme: Scheme) -> Vec<f32> {
    if scheme.activations() == TensorType::Int16 {
        return Vec::new();
    }
    let of = |i: usize| graph.node(id).input(i).map(|t| graph.tensor(t));
    let (data, bias) = places(graph, id);
    let input = of(data).and_then(|t| t.quantization.as_ref()).map_or(1.0, |q| f64::from(q.scale_at(0)));
    let bias = of(bias).and_then(Tensor::floats).unwrap_or_default();
    bias.iter().map(|b| (f64::from(b.abs()) / (MAX_BIAS * input)) as f32).collect()
}

/// Which inputs of a node hold what weights are applied to, and the bias.
fn places(graph: &Graph, id: NodeId) -> (usize, usize) {
    match rule(graph.node(id)) {
        Some(QuantizationRule::Weights { data, bias, .. }) => (data.into(), bias.into()),
        _ => (0, 2),
    }
}

/// `axis` is the dimension that scales count; `None` for one scale. `balance` may move the values to other places of the
/// grid that it is given, with the largest integer that is used; else each goes to the nearest.
fn weights(
    tensor: &Tensor,
    values: &[f32],
    axis: Option<usize>,
    least: &[f32],
    scheme: Scheme,
    balance: impl FnOnce(&Quantization, f64) -> Option<Vec<f32>>,
) -> Tensor {
    let kind = scheme.weights();
    let most = if kind == TensorType::Int4 { 7 } else { 127 };
    let q = match axis {
        Some(axis) => {
            let channels = tensor.channels(axis);
            scale::weights(values, channels, tensor.shape.dim(axis), axis, least, most as f32)
        }
        None => {
            let least = least.iter().copied().fold(0.0, f32::max);
            scale::weights(values, std::iter::repeat(0), 1, 0, &[least], most as f32)
        }
    };
    let balanced = balance(&q, most as f64);
    quantized(tensor, balanced.as_deref().unwrap_or(values), q, Layout { kind, low: -most })
}

fn activation(tensor: &Tensor, values: &[f32], q: Quantization, scheme: Scheme) -> Tensor {
    let kind = scheme.activations();
    let low = if kind == TensorType::Int16 { -32768 } else { -128 };
    quantized(tensor, values, q, Layout { kind, low })
}

/// The integers that stand for real values.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    /// int4, int8 or int16.
    pub(super) kind: TensorType,
    /// The smallest integer that is used.
    pub(super) low: i64,
}

/// The tensor as integers.
pub(super) fn quantized(tensor: &Tensor, values: &[f32], q: Quantization, to: Layout) -> Tensor {
    let high = match to.kind {
        TensorType::Int4 => 7,
        TensorType::Int16 => 32767,
        _ => 127,
    };
    let one = |(&x, c): (&f32, usize)| {
        // An infinite or undefined value becomes the nearest integer there is.
        let y = (x / q.scale_at(c)).round() as i64;
        y.saturating_add(q.zero_point_at(c)).clamp(to.low, high)
    };
    let integers = values.iter().zip(tensor.channels(q.axis)).map(one);
    let data: Vec<u8> = match to.kind {
        // Two in a byte, the first in its lower half.
        TensorType::Int4 => {
            let nibbles: Vec<u8> = integers.map(|y| y as u8 & 15).collect();
            nibbles.chunks(2).map(|pair| pair.iter().rev().fold(0, |byte, n| byte << 4 | n)).collect()
        }
        TensorType::Int16 => integers.flat_map(|y| (y as i16).to_le_bytes()).collect(),
        _ => integers.map(|y| y as u8).collect(),
    };
    let small = Tensor { tensor_type: to.kind, quantization: Some(q), ..tensor.clone() };
    Tensor { data: Some(data.into()), ..small }
}

/// The bias of a node as int32 or int64.
fn bias(
    graph: &Graph,
    id: NodeId,
    tensor: TensorId,
    values: &[f32],
    scheme: Scheme,
) -> Result<Tensor, Failure> {
    let tensor = graph.tensor(tensor);
    let of = |i: usize| graph.node(id).input(i).and_then(|t| graph.tensor(t).quantization.as_ref());
    let real = Tensor { data: Some(float_bytes(values)), ..tensor.clone() };
    let made = of(places(graph, id).0)
        .zip(of(1))
        .and_then(|(input, weights)| integer_bias(&real, input, weights, scheme.activations()));
    made.ok_or_else(|| {
        Failure::new(format!("the bias '{}' belongs to weights that are not quantized", tensor.name))
            .help("the weights of quantized operators must be constant")
    })
}

/// A constant bias of real values as int32, or as int64 for activations of 16 bits; its scale is the product of the
/// input's and the weights' scales, so that it can be added to their sums.
pub(crate) fn integer_bias(
    real: &Tensor,
    input: &Quantization,
    weights: &Quantization,
    activations: TensorType,
) -> Option<Tensor> {
    let values = real.floats()?;
    let scales: Vec<f32> = weights.scales.iter().map(|&w| input.scale_at(0) * w).collect();
    let q = Quantization::symmetric(scales, 0);
    let kind = if activations == TensorType::Int16 { TensorType::Int64 } else { TensorType::Int32 };
    let one = |(f, &b): (usize, &f32)| {
        let y = (f64::from(b) / f64::from(q.scale_at(f))).round();
        match kind {
            TensorType::Int64 => (y as i64).to_le_bytes().to_vec(),
            _ => (y as i32).to_le_bytes().to_vec(),
        }
    };
    let data: Vec<u8> = values.iter().enumerate().flat_map(one).collect();
    let wide = Tensor { tensor_type: kind, quantization: Some(q), ..real.clone() };
    Some(Tensor { data: Some(data.into()), ..wide })
}

/// A constant of real values as integers of this type, with the scale given or that of its own range.
pub(crate) fn integer_constant(
    real: &Tensor,
    scale: Option<&Quantization>,
    kind: TensorType,
) -> Option<Tensor> {
    let values = real.floats()?;
    let range = || range_of(&values).unwrap_or(Range { min: 0.0, max: 0.0 });
    let q = scale.cloned().unwrap_or_else(|| scale::of_range(range(), kind));
    let low = if kind == TensorType::Int16 { -32768 } else { -128 };
    Some(quantized(real, &values, q, Layout { kind, low }))
}

#[cfg(test)]
mod tests {
    use sedge_schema::Shape;

    use super::*;

    #[test]
    fn weights_keep_within_127() {
        let values = [0.5, -1.0, 0.25, 2.0];
        let shape = Shape::new(&[2, 2]).unwrap();
        let float = Tensor::constant("w", TensorType::Float32, shape, float_bytes(&values));
        let q = weights(&float, &values, Some(0), &[], Scheme::Int8, |_, _| None);
        let data: Vec<i8> = q.data.unwrap().iter().map(|&b| b as i8).collect();
        assert_eq!(data, [64, -127, 16, 127]);
        assert_eq!(q.quantization.unwrap().scales, [1.0 / 127.0, 2.0 / 127.0]);
    }

    #[test]
    fn what_rounding_loses_in_the_mean_is_given_back() {
        // Weights of two units over two inputs: 0.4 / 127 and -0.25 / 127 are rounded away from 1 and the second
        // row's.
        let step = 1.0 / 127.0;
        let values = [1.0, 0.4 * step, 1.0, -0.25 * step];
        let shape = Shape::new(&[2, 2]).unwrap();
        let float = Tensor::constant("w", TensorType::Float32, shape, float_bytes(&values));
        let small = weights(&float, &values, Some(0), &[], Scheme::Int8, |_, _| None);
        let op = Op::FullyConnected(Default::default());
        let found = lost(&op, &small, &values, Some(&[3.0, 127.0])).unwrap();
        assert!((found[0] - 0.4).abs() < 1e-6 && (found[1] + 0.25).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn four_bit_weights_lie_two_in_a_byte() {
        let values = [0.6, -1.0, 0.25];
        let shape = Shape::new(&[1, 3]).unwrap();
        let float = Tensor::constant("w", TensorType::Float32, shape, float_bytes(&values));
        let q = weights(&float, &values, Some(0), &[], Scheme::Int4, |_, _| None);
        // 4.2, -7 and 1.75 sevenths: 4, -7, 2.
        assert_eq!(*q.data.unwrap(), [0x94, 0x02]);
        assert_eq!(q.quantization.unwrap().scales, [1.0 / 7.0]);
    }
}
