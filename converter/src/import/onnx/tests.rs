//! Sources that mean harm: each ends in a message, not in a panic, an endless loop or a full memory.

use prost::Message as _;
use sedge_schema::Shape;

use super::proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::import::{Options, Source, import};

fn tensor(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim = dims.iter().map(|&d| DimensionProto { dim_value: Some(d), dim_param: None }).collect();
    let tensor_type = TensorTypeProto { elem_type: 1, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}

fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op.to_owned(),
        input: inputs.iter().map(|&i| i.to_owned()).collect(),
        output: vec![output.to_owned()],
        ..NodeProto::default()
    }
}

fn ints(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.to_owned(),
        dims: vec![values.len() as i64],
        data_type: 7,
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}

fn model(node: Vec<NodeProto>, initializer: Vec<TensorProto>) -> ModelProto {
    let (input, output) = (vec![tensor("x", &[1, 4])], vec![tensor("y", &[1, 4])]);
    let graph = GraphProto { name: "g".to_owned(), node, initializer, input, output };
    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 17 }];
    ModelProto { graph: Some(graph), opset_import, ..ModelProto::default() }
}

/// What is said of a model.
fn refusal(model: &ModelProto) -> String {
    let bytes = model.encode_to_vec();
    let source = Source { name: "m.onnx", bytes: &bytes, folder: None };
    import(&source, &Options::default()).expect_err("this must not be taken").line()
}

#[test]
fn what_reads_itself_is_refused() {
    let message = refusal(&model(vec![node("Add", &["x", "b"], "a"), node("Relu", &["a"], "b")], Vec::new()));
    assert!(message.contains("'b', which nothing before it writes"), "{message}");
}

#[test]
fn what_is_written_twice_is_refused() {
    let message = refusal(&model(vec![node("Relu", &["x"], "y"), node("Abs", &["x"], "y")], Vec::new()));
    assert!(message.contains("written twice"), "{message}");
}

#[test]
fn absurd_sizes_are_refused() {
    for dims in [[1 << 40, 4], [-4, 4], [1 << 31, 1 << 31]] {
        let mut model = model(vec![node("Relu", &["x"], "y")], Vec::new());
        model.graph.as_mut().unwrap().input = vec![tensor("x", &dims)];
        refusal(&model);
    }
    let huge = ints("shape", &[1 << 20, 1 << 20, 1 << 20]);
    refusal(&model(vec![node("Expand", &["x", "shape"], "y")], vec![huge]));
    let huge = ints("shape", &[1 << 15, 1 << 14]);
    refusal(&model(vec![node("ConstantOfShape", &["shape"], "y")], vec![huge]));
    let claimed = TensorProto {
        dims: vec![1 << 30, 1 << 30],
        data_type: 1,
        name: "w".to_owned(),
        ..TensorProto::default()
    };
    refusal(&model(vec![node("Add", &["x", "w"], "y")], vec![claimed]));
}

#[test]
fn constants_outside_of_the_folder_are_refused() {
    for location in ["../secret", "/etc/passwd", "a/../../b", ""] {
        let entry =
            |key: &str, value: &str| StringStringEntryProto { key: key.to_owned(), value: value.to_owned() };
        let outside = TensorProto {
            name: "w".to_owned(),
            dims: vec![4],
            data_type: 1,
            data_location: 1,
            external_data: vec![entry("location", location)],
            ..TensorProto::default()
        };
        let message = refusal(&model(vec![node("Add", &["x", "w"], "y")], vec![outside]));
        assert!(message.contains("folder"), "{message}");
    }
}

#[test]
fn loops_in_loops_end() {
    let loops = |body: GraphProto| NodeProto {
        attribute: vec![AttributeProto {
            name: "body".to_owned(),
            g: Some(body),
            ..AttributeProto::default()
        }],
        ..node("Loop", &["rounds", "", "x"], "y")
    };
    let flag = |name: &str| ValueInfoProto { name: name.to_owned(), r#type: None };
    let body = |node: NodeProto| GraphProto {
        input: ["i", "goes_on", "x"].map(flag).to_vec(),
        output: ["goes_on", "y"].map(flag).to_vec(),
        node: vec![node],
        ..GraphProto::default()
    };
    let deep = (0..4).fold(node("Relu", &["x"], "y"), |inner, _| loops(body(inner)));
    let message = refusal(&model(vec![deep], vec![ints("rounds", &[1000])]));
    assert!(message.contains("rounds together"), "{message}");
}

#[test]
fn a_loop_of_known_length_is_written_out() {
    let flag = |name: &str| ValueInfoProto { name: name.to_owned(), r#type: None };
    let body = GraphProto {
        input: ["i", "goes_on", "a"].map(flag).to_vec(),
        output: ["goes_on", "b"].map(flag).to_vec(),
        node: vec![node("Mul", &["a", "a"], "b")],
        ..GraphProto::default()
    };
    let attribute =
        vec![AttributeProto { name: "body".to_owned(), g: Some(body), ..AttributeProto::default() }];
    let looped = NodeProto { attribute, ..node("Loop", &["rounds", "", "x"], "y") };
    let bytes = model(vec![looped], vec![ints("rounds", &[3])]).encode_to_vec();
    let source = Source { name: "m.onnx", bytes: &bytes, folder: None };
    let graph = import(&source, &Options::default()).unwrap();
    assert_eq!(graph.nodes().map(|(_, n)| n.op.name()).collect::<Vec<_>>(), ["MUL"; 3]);
    assert_eq!(Some(graph.tensor(graph.outputs[0]).shape), Shape::new(&[1, 4]));
}
