//! The rules on small graphs, with numbers worked out by hand.

use sedge_schema::op::{
    Add, Concatenation, FullyConnected, Logistic, MaxPool2d, Op, Relu, Reshape, Softmax, Split,
};
use sedge_schema::{BuiltinOperator, Shape, TensorType};

use super::{BorderType, Options, quantize};
use crate::calibrate::{Range, Ranges};
use crate::graph::{Graph, Node, Operation, Quantization, RawOp, Tensor, TensorId, float_bytes};

/// A graph with the ranges of its activations.
#[derive(Default)]
struct Case {
    graph: Graph,
    ranges: Vec<Option<Range>>,
}

impl Case {
    fn activation(&mut self, name: &str, shape: &[u32], min: f32, max: f32) -> TensorId {
        self.ranges.push(Some(Range { min, max }));
        self.graph.add_tensor(Tensor::computed(name, TensorType::Float32, Shape::new(shape).unwrap()))
    }

    fn constant(&mut self, name: &str, shape: &[u32], values: &[f32]) -> TensorId {
        self.ranges.push(None);
        let shape = Shape::new(shape).unwrap();
        self.graph.add_tensor(Tensor::constant(name, TensorType::Float32, shape, float_bytes(values)))
    }

    fn integers(&mut self, shape: &[u32], values: &[i32]) -> TensorId {
        self.ranges.push(None);
        let data: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.graph.add_tensor(Tensor::constant("i", TensorType::Int32, Shape::new(shape).unwrap(), data))
    }

    fn node(&mut self, op: impl Into<Operation>, inputs: &[TensorId], outputs: &[TensorId]) {
        let inputs = inputs.iter().copied().map(Some).collect();
        let (name, op, outputs) = (String::new(), op.into(), outputs.to_vec());
        self.graph.push(Node { name, op, inputs, outputs });
    }

    fn quantize(mut self, inputs: &[TensorId], outputs: &[TensorId], options: Options) -> Graph {
        (self.graph.inputs, self.graph.outputs) = (inputs.to_vec(), outputs.to_vec());
        self.graph.verify().unwrap();
        let ranges: Ranges = self.ranges.into_iter().collect();
        quantize(&mut self.graph, &ranges, &options).unwrap();
        self.graph
    }
}

fn named<'g>(graph: &'g Graph, name: &str) -> &'g Tensor {
    graph.tensors().map(|(_, t)| t).find(|t| t.name == name).unwrap()
}

fn scale(graph: &Graph, name: &str) -> (f32, i64) {
    let q = named(graph, name).quantization.as_ref().unwrap();
    (q.scale_at(0), q.zero_point_at(0))
}

fn codes(graph: &Graph) -> Vec<&str> {
    graph.nodes().map(|(_, n)| n.op.name()).collect()
}

#[test]
fn weights_and_bias_follow_the_input() {
    let mut case = Case::default();
    let x = case.activation("x", &[1, 2], 0.0, 25.5);
    let y = case.activation("y", &[1, 2], -1.0, 1.0);
    let w = case.constant("w", &[2, 2], &[1.27, -0.635, 25.4, 12.7]);
    let b = case.constant("b", &[2], &[0.01, -0.4]);
    case.node(FullyConnected::default(), &[x, w, b], &[y]);
    let graph = case.quantize(&[x], &[y], Options::default());
    // Scales: input 25.5 / 255, weights 1.27 / 127 and 25.4 / 127.
    assert_eq!(scale(&graph, "x"), (0.1, -128));
    let w = named(&graph, "w");
    let integers: Vec<i8> = w.data.as_ref().unwrap().iter().map(|&b| b as i8).collect();
    assert_eq!(integers, [127, -64, 127, 64]);
    assert_eq!(w.quantization, Some(Quantization::symmetric(vec![0.01, 0.2], 0)));
    let b = named(&graph, "b");
    let integers: Vec<i32> =
        b.data.as_ref().unwrap().as_chunks().0.iter().map(|&b| i32::from_le_bytes(b)).collect();
    assert_eq!((b.tensor_type, integers), (TensorType::Int32, vec![10, -20]));
    assert_eq!(b.quantization.as_ref().unwrap().scales, [0.1 * 0.01, 0.1 * 0.2]);
}

#[test]
fn a_bias_behind_weights_of_nothing_keeps_its_value() {
    let mut case = Case::default();
    let x = case.activation("x", &[1, 1], 0.0, 25.5);
    let y = case.activation("y", &[1, 2], -1.0, 1.0);
    let w = case.constant("w", &[2, 1], &[0.0, 1e-12]);
    let b = case.constant("b", &[2], &[0.3, -7.0]);
    case.node(FullyConnected::default(), &[x, w, b], &[y]);
    let graph = case.quantize(&[x], &[y], Options::default());
    let b = named(&graph, "b");
    let q = b.quantization.as_ref().unwrap();
    let real = b.data.as_ref().unwrap().as_chunks().0.iter().enumerate();
    let real: Vec<f32> = real.map(|(c, &v)| i32::from_le_bytes(v) as f32 * q.scale_at(c)).collect();
    assert!((real[0] - 0.3).abs() < 1e-6 && (real[1] + 7.0).abs() < 1e-5, "{real:?}");
}

#[test]
fn what_moves_values_shares_one_scale() {
    let mut case = Case::default();
    let x = case.activation("x", &[1, 2, 2, 1], -1.0, 1.0);
    let a = case.activation("a", &[1, 2, 2, 1], 0.0, 10.0);
    let pooled = case.activation("pooled", &[1, 1, 1, 1], 3.0, 10.0);
    let flat = case.activation("flat", &[1, 1], 3.0, 10.0);
    let shape = case.integers(&[2], &[1, 1]);
    case.node(Relu {}, &[x], &[a]);
    let pool =
        MaxPool2d { stride_h: 2, stride_w: 2, filter_height: 2, filter_width: 2, ..Default::default() };
    case.node(pool, &[a], &[pooled]);
    case.node(Reshape::default(), &[pooled, shape], &[flat]);
    let graph = case.quantize(&[x], &[flat], Options::default());
    let one = scale(&graph, "a");
    assert_eq!(one, ((10.0f64 / 255.0) as f32, -128));
    assert_eq!([scale(&graph, "pooled"), scale(&graph, "flat")], [one, one]);
}

#[test]
fn joined_values_have_the_union_of_their_ranges() {
    let mut case = Case::default();
    let x = case.activation("x", &[1, 2], -1.0, 1.0);
    let a = case.activation("a", &[1, 2], 0.0, 0.5);
    let b = case.activation("b", &[1, 2], -2.0, 1.0);
    let s = case.activation("s", &[1, 2], 0.1, 0.9);
    let c = case.constant("c", &[1, 2], &[3.1, 0.0]);
    let joined = case.activation("joined", &[1, 8], -2.0, 1.0);
    let parts = [case.activation("p0", &[1, 4], -2.0, 1.0), case.activation("p1", &[1, 4], 0.0, 1.0)];
    let axis = case.integers(&[], &[1]);
    case.node(Relu {}, &[x], &[a]);
    case.node(Add::default(), &[x, x], &[b]);
    case.node(Logistic {}, &[b], &[s]);
    case.node(Concatenation { axis: 1, ..Default::default() }, &[a, b, s, c], &[joined]);
    case.node(Split { num_splits: 2 }, &[axis, joined], &parts);
    let graph = case.quantize(&[x], &parts, Options::default());
    // -2 to 3.1, the constant's largest, in 255 steps of 0.02.
    let one = (0.02, -28);
    for name in ["a", "b", "joined", "p0", "p1", "c", "s/rescaled"] {
        assert_eq!(scale(&graph, name), one, "{name}");
    }
    assert_eq!(scale(&graph, "s"), (1.0 / 256.0, -128));
    assert_eq!(codes(&graph), ["RELU", "ADD", "LOGISTIC", "QUANTIZE", "CONCATENATION", "SPLIT"]);
    assert_eq!(named(&graph, "c").data.as_ref().unwrap()[..], [127, -28i8 as u8]);
}

#[test]
fn real_borders_are_converted_inside() {
    let mut case = Case::default();
    let x = case.activation("x", &[1, 2], -1.0, 1.0);
    let y = case.activation("y", &[1, 2], 0.0, 1.0);
    case.node(Softmax::default(), &[x], &[y]);
    let options = Options { inputs: BorderType::Float32, outputs: BorderType::Float32, ..Options::default() };
    let graph = case.quantize(&[x], &[y], options);
    assert_eq!(codes(&graph), ["QUANTIZE", "SOFTMAX", "DEQUANTIZE"]);
    for id in [graph.inputs[0], graph.outputs[0]] {
        let tensor = graph.tensor(id);
        assert_eq!((tensor.tensor_type, tensor.quantization.as_ref()), (TensorType::Float32, None));
    }
    let names = [graph.inputs[0], graph.outputs[0]].map(|id| graph.tensor(id).name.as_str());
    assert_eq!(names, ["x", "y"]);
}

#[test]
fn operators_without_a_rule_are_all_named() {
    let mut case = Case::default();
    let x = case.activation("x", &[1, 2], -1.0, 1.0);
    let outputs = ["first", "second"].map(|name| case.activation(name, &[1, 2], 0.0, 1.0));
    for output in outputs {
        let raw = RawOp {
            code: BuiltinOperator::Custom,
            custom_code: "Swirl".to_owned(),
            version: 1,
            options: Default::default(),
            options_2: Default::default(),
            custom_options: Vec::new(),
            mutating_variable_inputs: Vec::new(),
            intermediates: Vec::new(),
        };
        case.node(Operation::Raw(Box::new(raw)), &[x], &[output]);
    }
    let before: Vec<Op> = case.graph.nodes().filter_map(|(_, n)| n.op.known().copied()).collect();
    assert!(before.is_empty());
    (case.graph.inputs, case.graph.outputs) = (vec![x], outputs.to_vec());
    let ranges: Ranges = case.ranges.into_iter().collect();
    let failure = quantize(&mut case.graph, &ranges, &Options::default()).unwrap_err();
    let line = failure.line();
    for name in ["2 operators", "Swirl 'first'", "Swirl 'second'"] {
        assert!(line.contains(name), "{line}");
    }
}
