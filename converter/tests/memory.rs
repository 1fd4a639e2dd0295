//! Models in less memory: the bits of the model as it was.

mod shared;

use std::path::PathBuf;

use sedge_converter::convert::float_graph;
use sedge_converter::data::Npz;
use sedge_converter::exec::{ExecOptions, ModelFile, Random, with_session};
use sedge_converter::export::to_tflite;
use sedge_converter::graph::{Graph, Node, Operation, Quantization, Tensor, TensorId};
use sedge_converter::import::{self, Source};
use sedge_converter::memory::{Fitted, fit};
use sedge_runtime::schema::op::{
    Activation, Add, AveragePool2d, Conv2d, DepthwiseConv2d, MaxPool2d, Pad, Padding, Relu,
};
use sedge_runtime::{Shape, TensorType};

/// The outputs and the arena of a graph, run by the plain kernels on bytes that `seed` makes.
fn run(graph: &Graph, seed: u64) -> (Vec<Vec<u8>>, usize) {
    let file = ModelFile::from_bytes("graph", &to_tflite(graph).unwrap()).unwrap();
    with_session(file.model().unwrap(), &ExecOptions::microcontroller(), |session| {
        let mut random = Random::new(seed);
        for i in 0..graph.inputs.len() {
            let kind = graph.tensor(graph.inputs[i]).tensor_type;
            random.fill(kind, session.input_bytes_mut(i)?);
        }
        session.invoke()?;
        let outputs = (0..graph.outputs.len()).map(|i| session.output_bytes(i).map(<[u8]>::to_vec));
        Ok((outputs.collect::<Result<_, _>>()?, session.memory().arena))
    })
    .unwrap()
}

/// A chain of layers over an image, some of them with a way around.
struct Chain {
    graph: Graph,
    random: Random,
}

impl Chain {
    fn new(seed: u64) -> Self {
        Self { graph: Graph::default(), random: Random::new(seed) }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random.next_u64() % end
    }

    fn image(&mut self, dims: [u32; 4], scale: f32) -> TensorId {
        let shape = Shape::new(&dims).unwrap();
        let name = format!("t{}", self.graph.tensors().len());
        let mut tensor = Tensor::computed(name, TensorType::Int8, shape);
        tensor.quantization = Some(Quantization::per_tensor(scale, 3));
        self.graph.add_tensor(tensor)
    }

    fn push(&mut self, op: impl Into<Operation>, inputs: &[TensorId], scale: f32) -> TensorId {
        let output = self.image([1, 1, 1, 1], scale);
        let inputs = inputs.iter().copied().map(Some).collect();
        self.graph.push(Node { name: String::new(), op: op.into(), inputs, outputs: vec![output] });
        self.graph.infer_shapes().unwrap();
        output
    }

    fn weights(&mut self, dims: [u32; 4], axis: usize) -> TensorId {
        let shape = Shape::new(&dims).unwrap();
        let mut data = vec![0; shape.elements()];
        self.random.fill(TensorType::Int8, &mut data);
        let mut tensor = Tensor::constant("weights", TensorType::Int8, shape, data);
        tensor.quantization = Some(Quantization::symmetric(vec![0.01; dims[axis] as usize], axis));
        self.graph.add_tensor(tensor)
    }

    /// A layer of any kind behind `x`.
    fn layer(&mut self, x: TensorId) -> TensorId {
        let channels = self.graph.tensor(x).shape.dim(3) as u32;
        let padding = if self.below(3) == 0 { Padding::Valid } else { Padding::Same };
        let stride_h = 1 + self.below(3).min(1) as i32 * self.below(2) as i32;
        let [rows, columns] = [1 + self.below(5) as u32, 1 + self.below(3) as u32];
        let dilation_h = if stride_h == 1 { 1 + self.below(2) as i32 } else { 1 };
        let activation = if self.below(2) == 0 { Activation::Relu } else { Activation::None };
        match self.below(7) {
            0 => self.push(Relu {}, &[x], 0.05),
            6 => {
                let borders: Vec<u8> =
                    [0, 0, 0, 0, 1, 0, 0, 2].into_iter().flat_map(i32::to_le_bytes).collect();
                let shape = Shape::new(&[4, 2]).unwrap();
                let borders = Tensor::constant("borders", TensorType::Int32, shape, borders);
                let borders = self.graph.add_tensor(borders);
                self.push(Pad {}, &[x, borders], 0.05)
            }
            1 => {
                let op = MaxPool2d {
                    padding,
                    stride_w: 1,
                    stride_h,
                    filter_width: columns as i32,
                    filter_height: rows as i32,
                    activation,
                };
                self.push(op, &[x], 0.05)
            }
            2 => {
                let op = AveragePool2d {
                    padding,
                    stride_w: 1,
                    stride_h,
                    filter_width: columns as i32,
                    filter_height: rows as i32,
                    activation,
                };
                self.push(op, &[x], 0.05)
            }
            3 => {
                let weights = self.weights([1, rows, columns, channels], 3);
                let op = DepthwiseConv2d {
                    padding,
                    stride_w: 1,
                    stride_h,
                    depth_multiplier: 1,
                    activation,
                    dilation_h,
                    ..DepthwiseConv2d::default()
                };
                self.push(op, &[x, weights], 0.05)
            }
            _ => {
                let filters = 1 + self.below(12) as u32;
                let weights = self.weights([filters, rows, columns, channels], 0);
                let op =
                    Conv2d { padding, stride_w: 1, stride_h, activation, dilation_h, ..Conv2d::default() };
                self.push(op, &[x, weights], 0.05)
            }
        }
    }

    /// Layers, of which one adds what others made of the same image; `None` where the image is used up before.
    fn build(mut self) -> Option<Graph> {
        let dims = [1, 30 + self.below(40) as u32, 20 + self.below(20) as u32, 1 + self.below(3) as u32];
        let input = self.image(dims, 0.05);
        self.graph.inputs = vec![input];
        let mut x = input;
        let around = self.below(6);
        for i in 0..6 {
            x = self.layer(x);
            if i == around {
                let channels = self.graph.tensor(x).shape.dim(3) as u32;
                let weights = self.weights([channels, 3, 3, channels], 0);
                let op = Conv2d { stride_w: 1, stride_h: 1, ..Conv2d::default() };
                let other = self.push(op, &[x, weights], 0.05);
                x = self.push(Add::default(), &[x, other], 0.05);
            }
            if self.graph.tensor(x).shape.dims().contains(&0) {
                return None;
            }
        }
        self.graph.outputs = vec![x];
        Some(self.graph)
    }
}

/// Every arena that can be reached, from larger to smaller ones: each gives the bits of the whole images.
#[test]
fn strips_give_the_bits_of_whole_images() {
    let (mut found, mut with_way_around) = (0, 0);
    for seed in 0..250 {
        let Some(graph) = Chain::new(seed).build() else { continue };
        let (expected, whole) = run(&graph, seed);
        let mut limit = whole;
        loop {
            let mut smaller = graph.clone();
            limit -= limit / 12 + 1;
            let Ok(Some(fitted)) = fit(&mut smaller, Some(limit)) else { break };
            let (outputs, arena) = run(&smaller, seed);
            assert_eq!(outputs, expected, "seed {seed}, {fitted:?}");
            assert_eq!(fitted.after, arena);
            assert!(arena <= limit);
            found += 1;
            let adds = |g: &Graph| g.nodes().filter(|(_, n)| n.op.name() == "ADD").count();
            with_way_around += usize::from(adds(&smaller) > adds(&graph));
            // The next one is smaller than what this one came to.
            limit = arena;
        }
    }
    // Most chains have something to gain; where the way around is cut as well, ranges of rows meet.
    assert!(found > 60 && with_way_around > 10, "{found} {with_way_around}");
}

/// A model whose batch may change keeps that; one whose rows may is left whole.
#[test]
fn what_may_change_still_may() {
    let limit = |graph: &Graph| run(graph, 0).1 * 9 / 10;
    let strips_of = |axis: usize| {
        let graph = (0..).find_map(|seed| {
            let mut graph = Chain::new(seed).build()?;
            let whole = graph.clone();
            fit(&mut graph, Some(limit(&whole))).is_ok().then_some(whole)
        });
        let mut graph = graph.unwrap();
        let input = graph.inputs[0];
        let mut signature: Vec<i32> = graph.tensor(input).shape.dims().iter().map(|&d| d as i32).collect();
        signature[axis] = -1;
        graph.tensor_mut(input).shape_signature = signature;
        let whole = graph.clone();
        fit(&mut graph, Some(limit(&whole))).ok().map(|_| (whole, graph))
    };
    assert!(strips_of(1).is_none_or(|(_, graph)| {
        // Layers behind the first one have rows of their own.
        graph.nodes().next().is_some_and(|(_, n)| n.op.name() != "SLICE")
    }));
    let (whole, strips) = strips_of(0).unwrap();
    let mut outputs = Vec::new();
    for graph in [whole, strips] {
        let file = ModelFile::from_bytes("graph", &to_tflite(&graph).unwrap()).unwrap();
        let shape = graph.tensor(graph.inputs[0]).shape.with(0, 3);
        let options = ExecOptions { input_shapes: vec![shape], ..ExecOptions::microcontroller() };
        let output = with_session(file.model().unwrap(), &options, |session| {
            Random::new(7).fill(TensorType::Int8, session.input_bytes_mut(0)?);
            session.invoke()?;
            session.output_bytes(0).map(<[u8]>::to_vec)
        });
        outputs.push(output.unwrap());
    }
    assert_eq!(outputs[0], outputs[1]);
}

fn graph_of(path: &PathBuf) -> Graph {
    let bytes = std::fs::read(path).unwrap();
    float_graph(&Source::new("model", &bytes), &import::Options::default(), &mut |_, _| {}).unwrap()
}

/// The detector of persons from the MLPerf Tiny benchmark, whose planner in tflite-micro takes 73,728 bytes of activations: in
/// less than the largest of its tensors live together, the outputs are those of the reference.
#[test]
fn a_person_detector_in_less_than_its_layers_take() {
    let Some(folder) = shared::shared("models/tiny") else { return };
    let mut expected = Npz::open(&folder.join("vww_96_int8.npz")).unwrap();
    let mut graph = graph_of(&folder.join("vww_96_int8.tflite"));
    let fitted = fit(&mut graph, Some(66_800)).unwrap().unwrap();
    let Fitted { before, after, ref strips, .. } = fitted;
    assert!(before > 74_000 && after <= 66_800 && !strips.is_empty(), "{fitted:?}");
    let file = ModelFile::from_bytes("strips", &to_tflite(&graph).unwrap()).unwrap();
    for test in ["t0", "t1"] {
        let mut array = |name: &str| expected.array(&format!("{test}.{name}")).unwrap();
        let (input, output) = (array("in0"), array("out0"));
        let found = with_session(file.model().unwrap(), &ExecOptions::default(), |session| {
            session.input_bytes_mut(0)?.copy_from_slice(input.bytes());
            session.invoke()?;
            session.output_bytes(0).map(<[u8]>::to_vec)
        });
        assert_eq!(found.unwrap(), output.bytes());
    }
}

#[test]
fn a_limit_that_cannot_be_kept_is_told() {
    let path =
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/digits/digits_int8_tf.tflite"));
    let failure = fit(&mut graph_of(&path), Some(1000)).unwrap_err();
    assert!(failure.line().contains("more than the 1000 of --max-arena"), "{}", failure.line());
}
