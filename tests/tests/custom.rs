//! Custom operators: those of tflite-micro against its own kernels over several invocations
//! (`tests/data/operators/signal.npz`), and an operator of a program's own.

use std::collections::BTreeMap;

use sedge_runtime::{
    Error, Invoke, Kernel, Model, Prepare, Refusal, Session, Slot, TensorType, kernels, op_set,
};
use sedge_schema::generated::{BuiltinOperator, OperatorCodeT, OperatorT, SubGraphT, TensorType as Type};
use sedge_schema::op::NodeExt as _;
use sedge_schema::write::to_bytes;
use sedge_tests::arrays::{Array, npz};
use sedge_tests::data::repository;
use sedge_tests::run::{arena, run, ways};
use sedge_tests::samples::{self, code, operator, tensor};
use sedge_tests::table;

/// Float spectra may differ by this share of the largest value expected.
const FLOAT_TOLERANCE: f64 = 1e-5;

#[test]
fn operators_agree_with_tflite_micro_over_several_invocations() {
    let file = repository().join("tests/data/operators/signal.npz");
    let arrays = npz(&std::fs::read(file).expect("the bundled cases"));
    let steps = |case: &str, kind: &str| -> Vec<Vec<Array>> {
        let step = |t: usize| -> Vec<Array> {
            (0..).map_while(|i| arrays.get(&format!("{case}.t{t}.{kind}{i}")).cloned()).collect()
        };
        (0..).map(step).take_while(|step| !step.is_empty()).collect()
    };
    let mut wrong = Vec::new();
    let mut tallies: BTreeMap<String, usize> = BTreeMap::new();
    for (name, model) in &arrays {
        let Some(case) = name.strip_suffix(".model") else { continue };
        *tallies.entry(case[3..].to_owned()).or_default() += 1;
        let (inputs, wants) = (steps(case, "in"), steps(case, "out"));
        // What is made of constants only has no inputs.
        let inputs = if inputs.is_empty() { vec![Vec::new(); 3] } else { inputs };
        assert_eq!((inputs.len(), wants.len()), (3, 3), "{case}");
        for way in ways() {
            let outputs = match run(&model.bytes, way, &mut arena(1 << 20), &inputs) {
                Ok(outputs) => outputs,
                Err(error) => {
                    wrong.push(format!("{case} on {way:?}: {error}"));
                    continue;
                }
            };
            for (t, (got, want)) in outputs.iter().zip(&wants).enumerate() {
                for (o, (got, want)) in got.iter().zip(want).enumerate() {
                    if got.shape.dims() != want.shape {
                        wrong.push(format!("{case}, output {o}: shape {}, not {:?}", got.shape, want.shape));
                    }
                    let range = if want.is_float { want.numbers() } else { Vec::new() };
                    let range = range.into_iter().fold(0.0, |m: f64, x| m.max(x.abs()));
                    let found = want.with_bytes(&got.bytes);
                    if let Some((n, example)) = want.differences(&found, FLOAT_TOLERANCE * range, 0.0) {
                        wrong.push(format!("{case} on {way:?}, step {t}, output {o}: {n} differ: {example}"));
                    }
                }
            }
        }
    }
    println!("{tallies:?}");
    assert!(tallies.len() == 16, "operators in the bundled cases: {tallies:?}");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// A model of one custom operator of this name, with these options: float32 `[4]` to `[4]`.
fn model(name: &str, options: &[u8]) -> Vec<u8> {
    let tensor = || tensor(Type::FLOAT32, &[4]);
    let operator = table!(OperatorT { custom_options: Some(options.into()), ..operator(0, &[0], &[1]) });
    let code = table!(OperatorCodeT { custom_code: Some(name.into()), ..code(BuiltinOperator::CUSTOM) });
    let graph = table!(SubGraphT {
        tensors: Some(vec![tensor(), tensor()]),
        inputs: Some(vec![0]),
        outputs: Some(vec![1]),
        operators: Some(vec![operator]),
    });
    to_bytes(&samples::model(vec![code], graph, vec![]))
}

/// `out[i] = (weight * before[i] + in[i]) / (weight + 1)`, with `before` the last output.
struct RunningMean;

impl Kernel for RunningMean {
    fn custom_name(&self) -> &str {
        "RunningMean"
    }

    fn prepare(&self, node: &mut Prepare<'_>) -> Result<(), Refusal> {
        node.arity(1, 1)?;
        node.type_in(Slot::Input(0), &[TensorType::Float32])?;
        node.type_in(Slot::Output(0), &[TensorType::Float32])?;
        let weight = node.options()?.get("weight").and_then(|v| v.as_float());
        let weight = weight.ok_or(Refusal::Parameter("weight"))? as f32;
        let shape = node.input(0)?;
        node.set_shape(0, shape)?;
        let before = node.state(size_of::<f32>() * shape.elements())?;
        let kept = node.store(weight)?;
        node.set_data([before, kept])
    }

    fn invoke(&self, node: &mut Invoke<'_>) -> Result<(), Refusal> {
        let [before, kept] = *node.data()?;
        let weight = *node.load::<f32>(kept)?;
        let to = node.output::<f32>(0)?;
        let before = node.state::<f32>(before)?;
        for ((y, before), x) in to.iter_mut().zip(before).zip(node.input::<f32>(0)?) {
            *before = (weight * *before + x) / (weight + 1.0);
            *y = *before;
        }
        Ok(())
    }
}

/// `{"weight": 3}` as FlexBuffers has it: the key, the keys' vector, the map, the root.
const OPTIONS: &[u8] = &[b'w', b'e', b'i', b'g', b'h', b't', 0, 1, 8, 1, 1, 1, 3, 4, 2, 0x24, 1];

#[test]
fn a_custom_operator_of_a_program_keeps_its_state() {
    let file = model("RunningMean", OPTIONS);
    let model = Model::check(&file).expect("a good model");
    let mut memory = arena(4096);
    let mut session = Session::new(model, op_set![Add; RunningMean], &mut memory).expect("a session");
    assert!(session.memory().state >= 16);
    let step = |session: &mut Session<'_>| {
        session.set_input(0, &[4.0f32, 8.0, -4.0, 0.0]).expect("an input");
        session.invoke().expect("an invocation");
        session.output::<f32>(0).expect("an output").to_vec()
    };
    assert_eq!(step(&mut session), [1.0, 2.0, -1.0, 0.0]);
    assert_eq!(step(&mut session), [1.75, 3.5, -1.75, 0.0]);
    session.reset();
    assert_eq!(step(&mut session), [1.0, 2.0, -1.0, 0.0]);
    // The same beside all of Sedge's own kernels.
    let all = kernels::ALL.with(&[&RunningMean]);
    assert!(all.missing(&model).next().is_none());
    assert!(Session::new(model, all, &mut memory).is_ok());
}

#[test]
fn custom_operators_that_cannot_run_are_refused_by_name_and_reason() {
    let mut memory = arena(4096);
    let file = model("Unknown", OPTIONS);
    let model_ = Model::check(&file).expect("a good model");
    let refused = Session::new(model_, op_set![; RunningMean], &mut memory).err();
    assert!(matches!(refused, Some(Error::MissingKernel { operator: 0, .. })), "{refused:?}");
    let names: Vec<_> = op_set![; RunningMean].missing(&model_).map(|code| code.name().to_owned()).collect();
    assert_eq!(names, ["Unknown"]);
    for (options, why) in [
        (&OPTIONS[..OPTIONS.len() - 1], "custom options"),
        (&[][..], "weight"),
        (&[1, 4, 1], "custom options"),
    ] {
        let file = model("RunningMean", options);
        let model = Model::check(&file).expect("a good model");
        let refused = Session::new(model, op_set![; RunningMean], &mut memory).err();
        let is =
            matches!(refused, Some(Error::Operator { refusal: Refusal::Parameter(name), .. }) if name == why);
        assert!(is, "{options:?}: {refused:?}");
    }
}

/// `{"cycles_max": 3}` as FlexBuffers has it.
const CYCLES: &[u8] =
    &[b'c', b'y', b'c', b'l', b'e', b's', b'_', b'm', b'a', b'x', 0, 1, 12, 1, 1, 1, 3, 4, 2, 0x24, 1];

/// Rows of 2 int8, the last 3 of which CIRCULAR_BUFFER gives, and EXPAND_DIMS of that.
fn stream(options: &[u8]) -> Vec<u8> {
    let buffer = table!(OperatorT { custom_options: Some(options.into()), ..operator(0, &[0], &[1]) });
    let named = table!(OperatorCodeT {
        custom_code: Some("CIRCULAR_BUFFER".into()),
        ..code(BuiltinOperator::CUSTOM)
    });
    let graph = table!(SubGraphT {
        tensors: Some(vec![
            tensor(Type::INT8, &[1, 1, 1, 2]),
            tensor(Type::INT8, &[1, 3, 1, 2]),
            samples::constant(tensor(Type::INT32, &[]), 1),
            tensor(Type::INT8, &[1, 1, 3, 1, 2]),
        ]),
        inputs: Some(vec![0]),
        outputs: Some(vec![3]),
        operators: Some(vec![buffer, operator(1, &[1, 2], &[3])]),
    });
    let codes = vec![named, code(BuiltinOperator::EXPAND_DIMS)];
    to_bytes(&samples::model(codes, graph, vec![vec![0; 4]]))
}

#[test]
fn a_stream_goes_on_when_enough_rows_have_come() {
    let file = stream(CYCLES);
    let mut memory = arena(4096);
    let mut session = Session::new(Model::check(&file).expect("a good model"), kernels::ALL, &mut memory)
        .expect("a session");
    let mut step = |row: i8| {
        session.set_input(0, &[row, -row])?;
        session.invoke()?;
        session.output::<i8>(0).map(<[i8]>::to_vec)
    };
    let waits = |result: Result<Vec<i8>, Error>| {
        assert!(
            matches!(result, Err(Error::Operator { operator: 0, refusal: Refusal::Waits, .. })),
            "{result:?}"
        );
    };
    for first in [1, 4] {
        waits(step(first));
        waits(step(first + 1));
        let rows = [first, first + 1, first + 2].map(|row| [row, -row]);
        assert_eq!(step(first + 2), Ok(rows.concat()));
    }
    session.reset();
    session.set_input(0, &[9i8, 9]).expect("an input");
    assert!(session.invoke().is_err());
    // tflite-micro guesses where nothing is said.
    let file = stream(&[]);
    let refused = Session::new(Model::check(&file).expect("a good model"), kernels::ALL, &mut memory).err();
    let is = matches!(refused, Some(Error::Operator { refusal: Refusal::Parameter("cycles_max"), .. }));
    assert!(is, "{refused:?}");
}
