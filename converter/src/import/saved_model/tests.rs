//! Graphs that mean harm, made by hand.

use prost::Message as _;

use super::proto::{
    ArgDef, AttrValue, FunctionDef, FunctionDefLibrary, GraphDef, MetaGraphDef, NameAttrList, NodeDef, OpDef,
    SavedModel, SignatureDef, TensorInfo, TensorProto, TensorShapeProto,
};
use super::*;

fn node(name: &str, op: &str, inputs: &[&str]) -> NodeDef {
    let input = inputs.iter().map(|&i| i.to_owned()).collect();
    NodeDef { name: name.to_owned(), op: op.to_owned(), input, attr: HashMap::new() }
}

fn with(mut node: NodeDef, attr: &str, value: AttrValue) -> NodeDef {
    node.attr.insert(attr.to_owned(), value);
    node
}

fn calls(name: &str, function: &str, inputs: &[&str]) -> NodeDef {
    let func = Some(NameAttrList { name: function.to_owned() });
    with(node(name, "PartitionedCall", inputs), "f", AttrValue { func, ..AttrValue::default() })
}

/// A function of one argument `x` whose output is that of a node.
fn function(name: &str, node: Vec<NodeDef>, output: &str) -> FunctionDef {
    let arg = |name: &str| vec![ArgDef { name: name.to_owned() }];
    let signature = Some(OpDef { name: name.to_owned(), input_arg: arg("x"), output_arg: arg("y") });
    let ret = [("y".to_owned(), output.to_owned())].into();
    FunctionDef { signature, node, ret, control_ret: HashMap::new() }
}

/// What comes of a model that maps the input `x` of 4 numbers to what the node `y` gives.
fn result(mut nodes: Vec<NodeDef>, functions: Vec<FunctionDef>) -> Result<Graph, Failure> {
    nodes.push(node("x", "Placeholder", &[]));
    let dim = vec![proto::Dim { size: 4 }];
    let shape = Some(TensorShapeProto { dim, unknown_rank: false });
    let info = |name: &str| {
        [(name.to_owned(), TensorInfo { name: format!("{name}:0"), dtype: 1, shape: shape.clone() })]
    };
    let signature = SignatureDef { inputs: info("x").into(), outputs: info("y").into() };
    let library = Some(FunctionDefLibrary { function: functions });
    let graph = Some(GraphDef { node: nodes, library });
    let meta = MetaGraphDef { meta_info: None, graph, signatures: [(DEFAULT.to_owned(), signature)].into() };
    let model = SavedModel { schema_version: 1, meta_graphs: vec![meta] };
    import("test.pb", &model.encode_to_vec(), None, &Options::default())
}

fn refusal(nodes: Vec<NodeDef>, functions: Vec<FunctionDef>) -> String {
    result(nodes, functions).unwrap_err().line()
}

#[test]
fn an_honest_graph_is_read() {
    let twice = function("twice", vec![node("sum", "AddV2", &["x", "x"])], "sum:z:0");
    let graph = result(vec![calls("y", "twice", &["x"])], vec![twice]).unwrap();
    assert_eq!(graph.nodes().map(|(_, n)| n.op.name()).collect::<Vec<_>>(), ["ADD"]);
}

#[test]
fn nodes_that_wait_for_each_other_are_refused() {
    let message = refusal(vec![node("y", "Relu", &["z"]), node("z", "Relu", &["y"])], Vec::new());
    assert!(message.contains("waits for itself"), "{message}");
    let message = refusal(vec![node("y", "Relu", &["nobody"])], Vec::new());
    assert!(message.contains("'nobody' is asked for"), "{message}");
}

#[test]
fn functions_that_call_themselves_are_refused() {
    let endless = function("endless", vec![calls("call", "endless", &["x"])], "call:output:0");
    let message = refusal(vec![calls("y", "endless", &["x"])], vec![endless]);
    assert!(message.contains("deep"), "{message}");
    // Each calls the next twice: 2^40 calls in all.
    let functions = (0..40).map(|k| {
        let next = format!("f{}", k + 1);
        let body = vec![calls("a", &next, &["x"]), calls("b", &next, &["a:output:0"])];
        function(&format!("f{k}"), body, "b:output:0")
    });
    let last = function("f40", vec![node("same", "Identity", &["x"])], "same:output:0");
    let message = refusal(vec![calls("y", "f0", &["x"])], functions.chain([last]).collect());
    assert!(message.contains("nodes"), "{message}");
}

#[test]
fn loops_without_end_are_refused() {
    let yes = TensorProto { dtype: 10, bool_val: vec![true], ..TensorProto::default() };
    let yes = AttrValue { tensor: Some(yes), ..AttrValue::default() };
    let condition = function("go on", vec![with(node("yes", "Const", &[]), "value", yes)], "yes:output:0");
    let body = function("body", vec![node("next", "Identity", &["x"])], "next:output:0");
    let func =
        |name: &str| AttrValue { func: Some(NameAttrList { name: name.to_owned() }), ..AttrValue::default() };
    let repeat = with(with(node("y", "While", &["x"]), "cond", func("go on")), "body", func("body"));
    let message = refusal(vec![repeat], vec![condition, body]);
    assert!(message.contains("rounds"), "{message}");
}

#[test]
fn constants_larger_than_the_format_are_refused() {
    let dim = vec![proto::Dim { size: 1 << 20 }, proto::Dim { size: 1 << 20 }];
    let shape = Some(TensorShapeProto { dim, unknown_rank: false });
    let large = TensorProto { dtype: 1, shape, float_val: vec![1.0], ..TensorProto::default() };
    let large = AttrValue { tensor: Some(large), ..AttrValue::default() };
    let nodes = vec![with(node("large", "Const", &[]), "value", large), node("y", "AddV2", &["x", "large"])];
    let message = refusal(nodes, Vec::new());
    assert!(message.contains("too large"), "{message}");
}

#[test]
fn all_unknown_operators_are_named_at_once() {
    let nodes = vec![node("y", "Frobnicate", &["z"]), node("z", "Transmogrify", &["x"])];
    let message = refusal(nodes, Vec::new());
    assert!(message.contains("Frobnicate 'y'") && message.contains("Transmogrify 'z'"), "{message}");
}
