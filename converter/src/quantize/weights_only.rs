//! Forms in which only the weights are smaller: they need no samples.

use half::f16;
use sedge_schema::TensorType;
use sedge_schema::op::{Dequantize, Op, QuantizationRule};

use super::assign::rule;
use super::constants::{Layout, quantized};
use super::scale;
use crate::graph::{Graph, Node, NodeId, Operation, Tensor, TensorId};

/// Weights of fewer elements stay as they are: they save nothing that counts.
const LEAST_ELEMENTS: usize = 1024;

/// Turns large weights of convolutions and fully connected layers into int8.
pub(super) fn dynamic(graph: &mut Graph) {
    for id in graph.node_ids() {
        let Some(QuantizationRule::Weights { axis, .. }) = rule(graph.node(id)) else { continue };
        let Some((input, values)) = large(graph, id, 1) else { continue };
        let Operation::Known(op) = &mut graph.node_mut(id).op else { continue };
        // Kernels of fully connected layers take one scale for all weights, and real values of either sign.
        let count = match op {
            Op::FullyConnected(op) => {
                op.asymmetric_quantize_inputs = true;
                None
            }
            _ => Some(usize::from(axis)),
        };
        let tensor = graph.tensor(input);
        let q = match count {
            Some(axis) => {
                let channels = tensor.channels(axis);
                scale::weights(&values, channels, tensor.shape.dim(axis), axis, &[], 127.0)
            }
            None => scale::weights(&values, std::iter::repeat(0), 1, 0, &[], 127.0),
        };
        let small = quantized(tensor, &values, q, Layout { kind: TensorType::Int8, low: -127 });
        let small = graph.add_tensor(small);
        set_input(graph, id, 1, small);
    }
}

/// Turns large constants into float16, each with a DEQUANTIZE behind it.
pub(super) fn float16(graph: &mut Graph) {
    let mut done: Vec<(TensorId, TensorId)> = Vec::new();
    for id in graph.node_ids() {
        for i in 0..graph.node(id).inputs.len() {
            let Some((input, values)) = large(graph, id, i) else { continue };
            if let Some(&(_, real)) = done.iter().find(|(from, _)| *from == input) {
                set_input(graph, id, i, real);
                continue;
            }
            // Larger numbers than float16 has would become infinite.
            if values.iter().any(|v| v.is_finite() && !f16::from_f32(*v).is_finite()) {
                continue;
            }
            let tensor = graph.tensor(input).clone();
            let bytes: Vec<u8> = values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect();
            let half =
                Tensor { data: Some(bytes.into()), tensor_type: TensorType::Float16, ..tensor.clone() };
            let half = graph.add_tensor(half);
            let name = format!("{}/real", tensor.name);
            let real = graph.add_tensor(Tensor { name: name.clone(), data: None, ..tensor });
            let inputs = vec![Some(half)];
            graph.insert_before(id, Node { name, op: Dequantize {}.into(), inputs, outputs: vec![real] });
            set_input(graph, id, i, real);
            done.push((input, real));
        }
    }
}

/// Input `i` of a node and its values, where that is a large constant of real values.
fn large(graph: &Graph, id: NodeId, i: usize) -> Option<(TensorId, Vec<f32>)> {
    let input = graph.node(id).input(i)?;
    let tensor = graph.tensor(input);
    (tensor.shape.elements() >= LEAST_ELEMENTS).then_some((input, tensor.floats()?))
}

fn set_input(graph: &mut Graph, id: NodeId, i: usize, tensor: TensorId) {
    if let Some(slot) = graph.node_mut(id).inputs.get_mut(i) {
        *slot = Some(tensor);
    }
}

#[cfg(test)]
mod tests {
    use sedge_schema::Shape;
    use sedge_schema::op::FullyConnected;

    use super::*;
    use crate::graph::float_bytes;

    /// A layer of 2 units over 512 inputs, the weights `k / 512` and twice that.
    fn layer() -> Graph {
        let mut graph = Graph::default();
        let values: Vec<f32> = (0..1024).map(|k| (k % 512) as f32 / 512.0 * (1 + k / 512) as f32).collect();
        let of = |dims: &[u32]| Shape::new(dims).unwrap();
        let x = graph.add_tensor(Tensor::computed("x", TensorType::Float32, of(&[1, 512])));
        let weights = Tensor::constant("w", TensorType::Float32, of(&[2, 512]), float_bytes(&values));
        let w = graph.add_tensor(weights);
        let y = graph.add_tensor(Tensor::computed("y", TensorType::Float32, of(&[1, 2])));
        let (op, inputs) = (FullyConnected::default().into(), vec![Some(x), Some(w)]);
        graph.push(Node { name: String::new(), op, inputs, outputs: vec![y] });
        (graph.inputs, graph.outputs) = (vec![x], vec![y]);
        graph
    }

    #[test]
    fn weights_of_a_layer_have_one_scale() {
        let mut graph = layer();
        dynamic(&mut graph);
        graph.verify().unwrap();
        let weights = graph.nodes().next().and_then(|(_, n)| n.input(1)).unwrap();
        let weights = graph.tensor(weights);
        let largest = 2.0 * 511.0 / 512.0;
        assert_eq!(weights.quantization.as_ref().unwrap().scales, [largest / 127.0]);
        let data = weights.data.as_ref().unwrap();
        // 256 / 512 of 2 * 511 / 512, and twice that.
        assert_eq!((data[256], data[512 + 256], data[1023]), (32, 64, 127));
    }

    #[test]
    fn halves_come_back_as_real_numbers() {
        let mut graph = layer();
        float16(&mut graph);
        graph.verify().unwrap();
        let names: Vec<_> = graph.nodes().map(|(_, n)| n.op.name().to_owned()).collect();
        assert_eq!(names, ["DEQUANTIZE", "FULLY_CONNECTED"]);
        let (_, first) = graph.nodes().next().unwrap();
        let half = graph.tensor(first.input(0).unwrap());
        assert_eq!((half.tensor_type, half.data.as_ref().unwrap().len()), (TensorType::Float16, 2048));
    }
}
