//! `sedge convert --max-arena`, `sedge compile --fast-memory`.

use std::path::Path;

use sedge_converter::export::to_tflite;
use sedge_converter::graph::{Graph, Node, Tensor, float_bytes};
use sedge_runtime::schema::op::{Conv2d, Padding};
use sedge_runtime::{Shape, TensorType};

use crate::common::{Workplace, data, sedge};

/// An image of one channel, eight channels of it, and a sixteenth of the positions of these.
fn wide_in_the_middle() -> Vec<u8> {
    let mut graph = Graph::default();
    let mut computed = |name: &str, dims| {
        let shape = Shape::new(dims).unwrap();
        graph.add_tensor(Tensor::computed(name, TensorType::Float32, shape))
    };
    let images = [
        computed("image", &[1, 64, 64, 1]),
        computed("wide", &[1, 64, 64, 8]),
        computed("narrow", &[1, 16, 16, 4]),
    ];
    for (i, (dims, stride)) in [([8, 3, 3, 1], 1), ([4, 4, 4, 8], 4)].into_iter().enumerate() {
        let shape = Shape::new(&dims).unwrap();
        let values = vec![0.5; shape.elements()];
        let weights = Tensor::constant("weights", TensorType::Float32, shape, float_bytes(&values));
        let weights = graph.add_tensor(weights);
        let op = Conv2d { padding: Padding::Same, stride_h: stride, stride_w: stride, ..Conv2d::default() };
        let inputs = vec![Some(images[i]), Some(weights)];
        graph.push(Node { name: String::new(), op: op.into(), inputs, outputs: vec![images[i + 1]] });
    }
    (graph.inputs, graph.outputs) = (vec![images[0]], vec![images[2]]);
    to_tflite(&graph).unwrap()
}

#[test]
fn an_arena_is_kept_or_nothing_is_written() {
    let place = Workplace::new();
    let model = place.file("wide.tflite", &wide_in_the_middle());
    let output = place.path("small.tflite");
    let convert = |limit: &str| {
        sedge(&["convert", &model, "-o", &output, "-q", "none", "--json", "--max-arena", limit])
    };
    // The image and eight channels of it have 147,456 bytes.
    let done = convert("48k").json();
    let memory = &done["memory"];
    assert!(memory["before"].as_u64().unwrap() > 147_456, "{done}");
    assert!(memory["after"].as_u64().unwrap() <= 48 * 1024, "{done}");
    assert_eq!((&memory["strips"][0]["first"], &memory["strips"][0]["last"]), (&0.into(), &1.into()));
    let arena =
        sedge(&["inspect", &output, "--json"]).json()["memory"]["microcontroller"]["arena_bytes"].clone();
    assert_eq!(arena, memory["after"]);
    let text = sedge(&["convert", &model, "-o", &output, "-q", "none", "--max-arena", "49152"]).stdout;
    assert!(text.contains("operators 0 to 1 run in "), "{text}");

    std::fs::remove_file(&output).unwrap();
    // The image alone has 16,384 bytes.
    let refused = convert("16384");
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("more than the 16384 of --max-arena"), "{}", refused.stderr);
    assert!(!Path::new(&output).exists());
    for wrong in ["0", "k", "-1", "1.5k", "99999999999999999999"] {
        assert_eq!(convert(wrong).code, 2, "{wrong}");
    }
}

#[test]
fn what_a_quantized_source_cannot_take_is_refused() {
    let place = Workplace::new();
    let (model, output) = (data("digits/digits_int8_tf.tflite"), place.path("out.tflite"));
    for (option, value) in [
        ("--input-range", Some("0,1")),
        ("--equalize", None),
        ("--keep-float", Some("SOFTMAX")),
        ("--min-sqnr", Some("30")),
    ] {
        let arguments: Vec<&str> =
            ["convert", &model, "-o", &output, option].into_iter().chain(value).collect();
        let refused = sedge(&arguments);
        assert_eq!(refused.code, 2, "{option}: {}", refused.stderr);
        assert!(refused.stderr.contains(&format!("leave {option} out")), "{option}: {}", refused.stderr);
        assert!(!Path::new(&output).exists());
    }
}

#[test]
fn two_regions_are_told() {
    let place = Workplace::new();
    let (model, output) = (data("digits/digits_int8_tf.tflite"), place.path("digits.rs"));
    let compile = |bytes: &str| sedge(&["compile", &model, "-o", &output, "--json", "--fast-memory", bytes]);
    let regions = compile("1k").json()["regions"].clone();
    let fast = regions["fast_bytes"].as_u64().unwrap();
    assert!(fast != 0 && fast <= 1024, "{regions}");
    let text = std::fs::read_to_string(&output).unwrap();
    assert!(text.contains(&format!("pub const FAST_SIZE: usize = {fast};")));
    assert!(text.contains("pub fn new(fast: &'a mut Fast, arena: &'a mut Arena)"));
    assert_eq!(compile("0").code, 2);
}
