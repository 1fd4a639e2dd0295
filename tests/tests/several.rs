//! Several models in one arena: each gives what it gives alone, whatever ran in between.

use std::path::PathBuf;

use sedge_runtime::{Error, Model, Several, Tenant, kernels};
use sedge_tests::arrays::{Array, npz};
use sedge_tests::data;
use sedge_tests::run::{self, arena, ways};

/// A model with the inputs of several invocations and what they give in a session of its own.
struct Alone {
    file: Vec<u8>,
    inputs: Vec<Vec<Array>>,
    outputs: Vec<Vec<run::Output>>,
}

impl Alone {
    /// Runs the model of a path with the inputs `t0.in0, t0.in1, ..., t1.in0, ...` beside it.
    fn read(path: &str, inputs: PathBuf) -> Self {
        let file = std::fs::read(path).expect("a model");
        let arrays = npz(&std::fs::read(inputs).expect("inputs"));
        let step = |t: usize| -> Vec<Array> {
            (0..).map_while(|i| arrays.get(&format!("t{t}.in{i}")).cloned()).collect()
        };
        let inputs: Vec<_> = (0..).map(step).take_while(|step| !step.is_empty()).collect();
        let way = ways().next().expect("a level");
        let outputs = run::run(&file, way, &mut arena(16 << 20), &inputs).expect("outputs");
        assert!(inputs.len() > 1, "{path}: one invocation shows nothing");
        Self { file, inputs, outputs }
    }

    fn tenant(&self) -> Tenant<'_> {
        Tenant { model: Model::check(&self.file).expect("a good model"), resolver: kernels::ALL }
    }
}

fn bundled(name: &str) -> Alone {
    let path = data::repository().join("tests/data").join(name);
    let path = path.to_str().expect("a path");
    Alone::read(&format!("{path}.tflite"), format!("{path}.expected.npz").into())
}

/// Runs the models in turn, invocation by invocation, in an arena of exactly the size that they need.
fn run_in_turn<const N: usize>(models: [&Alone; N]) {
    let tenants = models.map(Alone::tenant);
    let mut memory = vec![0u128; 1 << 20];
    let memory: &mut [u8] = bytemuck::cast_slice_mut(&mut memory);
    let bytes = Several::new(tenants, memory).expect("room").memory().arena;
    let less = Several::new(tenants, &mut memory[..bytes - 1]).expect_err("an arena that is too small");
    assert!(matches!(less, Error::ArenaTooSmall { needed, .. } if needed as usize <= bytes), "{less:?}");
    // What lies in the memory before must not matter.
    memory.fill(0xa5);
    let mut several = Several::new(tenants, &mut memory[..bytes]).expect("room");
    let longest = models.iter().map(|m| m.inputs.len()).max().unwrap_or(0);
    for step in 0..longest {
        for (number, alone) in models.iter().enumerate() {
            let Some((inputs, outputs)) = alone.inputs.get(step).zip(alone.outputs.get(step)) else {
                continue;
            };
            let mut session = several.session(number).expect("a session");
            for (i, input) in inputs.iter().enumerate() {
                session.input_bytes_mut(i).expect("an input").copy_from_slice(&input.bytes);
            }
            session.invoke().expect("an invocation");
            for (i, output) in outputs.iter().enumerate() {
                let found = session.output_bytes(i).expect("an output");
                assert!(found == output.bytes, "model {number}, invocation {step}, output {i}");
            }
        }
    }
    assert!(matches!(several.session(N), Err(Error::NoSuchTensor(_))));
}

#[test]
fn models_take_turns() {
    let [digits, keywords, sine] =
        ["digits/digits_int8_tf", "keywords/keywords_int8_tf", "sine/sine_int8_tf"].map(bundled);
    run_in_turn([&digits, &keywords, &sine]);
    run_in_turn([&sine, &digits, &digits, &keywords]);
}

#[test]
fn activations_are_shared() {
    let [digits, keywords] = ["digits/digits_int8_tf", "keywords/keywords_int8_tf"].map(bundled);
    let mut memory = arena(1 << 20);
    let both = Several::new([digits.tenant(), keywords.tenant()], &mut memory).expect("room").memory();
    let alone = [&digits, &keywords].map(|m| {
        let mut memory = arena(1 << 20);
        Several::new([m.tenant()], &mut memory).expect("room").memory()
    });
    assert_eq!(both.activations, alone[0].activations.max(alone[1].activations));
    assert_eq!(both.prepared, alone[0].prepared + alone[1].prepared);
    assert_eq!(both.arena, both.activations + both.state + both.prepared);
}

/// SVDF keeps variable tensors, the streaming models resource variables.
#[test]
fn what_models_keep_is_their_own() {
    let Some(models) = data::shared("models") else { return };
    let read = |name: &str| {
        let path = models.join(name);
        let path = path.to_str().expect("a path");
        Alone::read(&format!("{path}.tflite"), format!("{path}.npz").into())
    };
    let [svdf, vad, lstm] =
        ["micro/keyword_scrambled_8bit", "audio/vad_stream", "micro/mnist_lstm_int8"].map(read);
    run_in_turn([&svdf, &vad, &lstm]);
    run_in_turn([&vad, &vad, &svdf, &svdf]);
}
