//! Any bytes: the reader, the planner or a kernel refuses them, or the model runs.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sedge_runtime::{Model, Session, op_set};

fuzz_target!(|file: &[u8]| {
    let Ok(model) = Model::check(file) else { return };
    // Small, so that models cannot ask for much work.
    let mut arena = [0; 16 * 1024];
    let resolver = op_set![
        Add,
        AveragePool2d,
        Concatenation,
        Conv2d,
        DepthwiseConv2d,
        Dequantize,
        FullyConnected,
        Logistic,
        MaxPool2d,
        Mean,
        Mul,
        Pad,
        Quantize,
        Relu,
        Relu6,
        Reshape,
        Softmax,
        Sub,
        Tanh,
        Transpose,
    ];
    let Ok(mut session) = Session::new(model, resolver, &mut arena) else { return };
    // Twice: the second time finds what the first left behind.
    for _ in 0..2 {
        if session.invoke().is_err() {
            return;
        }
    }
});
