//! Constants of real values as integers.

use sedge_schema::TensorType;
use sedge_schema::op::QuantizationRule;

use super::assign::range_of;
use super::scale;
use crate::Failure;
use crate::calibrate::Range;
use crate::graph::{Graph, NodeId, Operation, Quantization, Tensor, TensorId};

/// Quantizes the constants that a node reads, each into a tensor of its own: another node may want
/// the same values with other scales.
pub(super) fn quantize(graph: &mut Graph, id: NodeId) -> Result<(), Failure> {
    let Operation::Known(op) = graph.node(id).op else { return Ok(()) };
    let rule = op.quantization();
    for i in 0..graph.node(id).inputs.len() {
        let Some(input) = graph.node(id).input(i) else { continue };
        let Some(values) = graph.tensor(input).floats() else { continue };
        let quantized = match (rule, i) {
            (QuantizationRule::Weights { axis }, 1) => {
                weights(graph.tensor(input), &values, axis.into(), &least_scales(graph, id))
            }
            (QuantizationRule::Weights { .. }, 2) => bias(graph, id, input, &values)?,
            (QuantizationRule::AllSame | QuantizationRule::SameAsInput, _) => {
                let output =
                    graph.node(id).outputs.first().and_then(|&t| graph.tensor(t).quantization.clone());
                let q = output.unwrap_or_else(|| of_values(&values));
                int8(graph.tensor(input), &values, q, -128)
            }
            _ => int8(graph.tensor(input), &values, of_values(&values), -128),
        };
        let quantized = graph.add_tensor(quantized);
        if let Some(slot) = graph.node_mut(id).inputs.get_mut(i) {
            *slot = Some(quantized);
        }
    }
    Ok(())
}

/// The quantization of values that are all known.
fn of_values(values: &[f32]) -> Quantization {
    scale::activation(range_of(values).unwrap_or(Range { min: 0.0, max: 0.0 }))
}

/// The largest magnitude of a bias, which leaves the sums of products room within 32 bits.
const MAX_BIAS: f64 = (1u32 << 29) as f64;

/// For each channel the smallest scale of the weights with which the bias behind them still fits.
fn least_scales(graph: &Graph, id: NodeId) -> Vec<f32> {
    let of = |i: usize| graph.node(id).input(i).map(|t| graph.tensor(t));
    let input = of(0).and_then(|t| t.quantization.as_ref()).map_or(1.0, |q| f64::from(q.scale_at(0)));
    let bias = of(2).and_then(Tensor::floats).unwrap_or_default();
    bias.iter().map(|b| (f64::from(b.abs()) / (MAX_BIAS * input)) as f32).collect()
}

fn weights(tensor: &Tensor, values: &[f32], axis: usize, least: &[f32]) -> Tensor {
    let q = scale::weights(values, tensor.channels(axis), tensor.shape.dim(axis), axis, least);
    int8(tensor, values, q, -127)
}

/// The tensor as int8 of at least `low`.
fn int8(tensor: &Tensor, values: &[f32], q: Quantization, low: i8) -> Tensor {
    let one = |(&x, c): (&f32, usize)| {
        // An infinite or undefined value becomes the nearest integer there is.
        let y = (x / q.scale_at(c)).round() as i64;
        y.saturating_add(q.zero_point_at(c)).clamp(low.into(), 127) as u8
    };
    let data: Vec<u8> = values.iter().zip(tensor.channels(q.axis)).map(one).collect();
    let int8 = Tensor { tensor_type: TensorType::Int8, quantization: Some(q), ..tensor.clone() };
    Tensor { data: Some(data.into()), ..int8 }
}

/// The bias as int32, its scale the product of the input's and the weights' scales, so that it can be
/// added to their sums.
fn bias(graph: &Graph, id: NodeId, tensor: TensorId, values: &[f32]) -> Result<Tensor, Failure> {
    let tensor = graph.tensor(tensor);
    let of = |i: usize| graph.node(id).input(i).and_then(|t| graph.tensor(t).quantization.as_ref());
    let (Some(input), Some(weights)) = (of(0), of(1)) else {
        return Err(Failure::new(format!(
            "the bias '{}' belongs to weights that are not quantized",
            tensor.name
        ))
        .help("the weights of quantized operators must be constant"));
    };
    let scales: Vec<f32> = weights.scales.iter().map(|&w| input.scale_at(0) * w).collect();
    let q = Quantization::symmetric(scales, 0);
    let one = |(f, &b): (usize, &f32)| {
        let y = (f64::from(b) / f64::from(q.scale_at(f))).round();
        (y as i32).to_le_bytes()
    };
    let data: Vec<u8> = values.iter().enumerate().flat_map(one).collect();
    let int32 = Tensor { tensor_type: TensorType::Int32, quantization: Some(q), ..tensor.clone() };
    Ok(Tensor { data: Some(data.into()), ..int32 })
}

#[cfg(test)]
mod tests {
    use sedge_schema::Shape;

    use super::*;
    use crate::graph::float_bytes;

    #[test]
    fn weights_keep_within_127() {
        let values = [0.5, -1.0, 0.25, 2.0];
        let shape = Shape::new(&[2, 2]).unwrap();
        let float = Tensor::constant("w", TensorType::Float32, shape, float_bytes(&values));
        let q = weights(&float, &values, 0, &[]);
        let data: Vec<i8> = q.data.unwrap().iter().map(|&b| b as i8).collect();
        assert_eq!(data, [64, -127, 16, 127]);
        assert_eq!(q.quantization.unwrap().scales, [1.0 / 127.0, 2.0 / 127.0]);
    }
}
