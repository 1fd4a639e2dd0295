//! Whole conversions of the bundled models.

mod official;

use std::num::NonZero;
use std::path::PathBuf;

use sedge_converter::Failure;
use sedge_converter::calibrate::{Calibration, Method, SampleSpec, Samples};
use sedge_converter::convert::{convert, float_graph};
use sedge_converter::data::{Array, Npz, dequantize, quantize};
use sedge_converter::evaluate::top1;
use sedge_converter::exec::{ExecOptions, ModelFile, with_session};
use sedge_converter::export::to_tflite;
use sedge_converter::graph::{Graph, Node};
use sedge_converter::import::{self, Source};
use sedge_converter::quantize::{BorderType, Options, Scheme};
use sedge_runtime::{Session, TensorType};

use official::verified;

fn data(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data")).join(path)
}

fn read(path: &str) -> ModelFile {
    ModelFile::read(&data(path)).unwrap()
}

fn array(path: &str, name: &str) -> Array {
    Npz::open(&data(path)).unwrap().array(name).unwrap()
}

fn imported(name: &str, bytes: &[u8]) -> Result<Graph, Failure> {
    import::import(&Source::new(name, bytes), &import::Options::default())
}

fn float_of(source: &ModelFile) -> Result<Graph, Failure> {
    let source = Source::new(source.name(), source.bytes());
    float_graph(&source, &import::Options::default(), &mut |_, _| {})
}

fn int8(name: &str, options: Options) -> ModelFile {
    let source = read(&format!("{name}/{name}_float.tflite"));
    let graph = float_of(&source).unwrap();
    let mut samples =
        Samples::open(&data(&format!("{name}/calibration.npz")), &SampleSpec::of(&graph)).unwrap();
    ModelFile::from_bytes(
        name,
        &verified(convert(graph, Some(&mut samples), &Calibration::default(), &options, None).unwrap().file),
    )
    .unwrap()
}

/// Runs a model on `samples` and gives the real values of output 0 for each.
fn outputs(file: &ModelFile, samples: &Array) -> Vec<Vec<f32>> {
    let model = file.model().unwrap();
    let of = |t: i32| model.main().tensors().get(t as usize).unwrap();
    let input = of(model.main().inputs().get(0).unwrap());
    let output = of(model.main().outputs().get(0).unwrap());
    let one = |session: &mut Session<'_>, i: usize| {
        let sample = samples.sample(i).unwrap();
        let sample = match input.tensor_type() {
            TensorType::Float32 => sample,
            kind => quantize(&sample.to_f32().unwrap(), kind, input.quantization()).unwrap(),
        };
        session.input_bytes_mut(0)?.copy_from_slice(sample.bytes());
        session.invoke()?;
        let shape: Vec<usize> = session.output_shape(0)?.dims().iter().map(|&d| d as usize).collect();
        let array = Array::new(session.output_type(0)?, shape, session.output_bytes(0)?.to_vec()).unwrap();
        Ok(array.to_f32().or_else(|| dequantize(&array, output.quantization())?.to_f32()).unwrap())
    };
    with_session(model, &ExecOptions::default(), |session| {
        (0..samples.shape()[0]).map(|i| one(session, i)).collect()
    })
    .unwrap()
}

#[test]
fn classifiers_keep_their_accuracy() {
    for name in ["digits", "keywords"] {
        let held_out = format!("{name}/heldout.npz");
        let labels = array(&held_out, "y");
        let labels: Vec<i64> = labels.bytes().as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect();
        let percent = |file: &ModelFile| {
            let mut samples = Samples::of(vec![array(&held_out, "x")]).unwrap();
            top1(file, &mut samples, &labels).unwrap().percent()
        };
        let float = percent(&read(&format!("{name}/{name}_float.tflite")));
        let converted = percent(&int8(name, Options::default()));
        assert!(converted >= float - 1.0, "{name}: float {float} %, int8 {converted} %");
    }
}

/// Accuracy of the two classifiers in this form, float and converted, and the converted file.
fn in_form(name: &str, options: Options) -> (f64, f64, ModelFile) {
    let held_out = format!("{name}/heldout.npz");
    let labels = array(&held_out, "y");
    let labels: Vec<i64> = labels.bytes().as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect();
    let percent = |file: &ModelFile| {
        let mut samples = Samples::of(vec![array(&held_out, "x")]).unwrap();
        top1(file, &mut samples, &labels).unwrap().percent()
    };
    let file = int8(name, options);
    (percent(&read(&format!("{name}/{name}_float.tflite"))), percent(&file), file)
}

#[test]
fn every_form_keeps_the_accuracy() {
    // 4 bits hold 15 steps: a few points go, where no training makes up for it.
    let forms = [
        (Scheme::Int16x8, 0.5),
        (Scheme::Int4, 8.0),
        (Scheme::Dynamic, 0.5),
        (Scheme::Float16, 0.2),
        (Scheme::None, 0.0),
    ];
    for name in ["digits", "keywords"] {
        for (scheme, most_lost) in forms {
            let (float, converted, file) = in_form(name, Options { scheme, ..Options::default() });
            let bytes = file.bytes().len();
            println!("{name} {scheme:?}: {float} %, {converted} %, {bytes} bytes");
            assert!(
                converted >= float - most_lost,
                "{name}, {scheme:?}: float {float} %, converted {converted} %"
            );
        }
    }
}

#[test]
fn operators_stay_in_float_where_that_is_asked_for() {
    let kept = vec!["SOFTMAX".to_owned(), "FULLY_CONNECTED".to_owned()];
    let options = Options { keep_float: kept, ..Options::default() };
    let (float, converted, file) = in_form("digits", options.clone());
    assert!(converted >= float - 1.0, "float {float} %, converted {converted} %");
    let model = file.model().unwrap();
    let names: Vec<String> =
        model.main().operators().iter().map(|o| model.code(&o).name().to_owned()).collect();
    let end: Vec<&str> = names.iter().rev().take(4).rev().map(String::as_str).collect();
    assert_eq!(end, ["DEQUANTIZE", "FULLY_CONNECTED", "SOFTMAX", "QUANTIZE"], "{names:?}");
    let unknown = Options { keep_float: vec!["nothing".to_owned()], ..options };
    let graph = float_of(&read("digits/digits_float.tflite")).unwrap();
    let failure = convert(graph, None, &Calibration::default(), &unknown, None).unwrap_err();
    assert!(failure.is_usage() && failure.line().contains("'nothing'"), "{}", failure.line());
}

/// The ratio of signal to noise of output 0 on the first samples that calibrate, in dB.
fn ratio(float: &ModelFile, file: &ModelFile) -> f64 {
    let samples = array("digits/calibration.npz", "x");
    let [real, found] = [float, file].map(|file| outputs(file, &samples).into_iter().take(32).flatten());
    let (mut signal, mut noise) = (0.0, 0.0);
    for (x, y) in real.zip(found) {
        signal += f64::from(x).powi(2);
        noise += f64::from(x - y).powi(2);
    }
    10.0 * (signal / noise).log10()
}

#[test]
fn as_few_operators_as_it_takes_stay_in_float() {
    let source = read("digits/digits_float.tflite");
    let mixed = |target: f64, outputs: BorderType| {
        let graph = float_of(&source).unwrap();
        let mut samples = Samples::open(&data("digits/calibration.npz"), &SampleSpec::of(&graph)).unwrap();
        let options = Options { min_sqnr: Some(target), outputs, ..Options::default() };
        convert(graph, Some(&mut samples), &Calibration::default(), &options, None)
    };
    let all = mixed(1.0, BorderType::Int8).unwrap();
    let before = ratio(&source, &ModelFile::from_bytes("int8", &all.file).unwrap());
    let found = all.mixed.unwrap();
    assert!(found.kept.is_empty() && (found.before_db - before).abs() < 0.01, "{found:?}, {before} dB");
    let target = before + 3.0;
    let some = mixed(target, BorderType::Int8).unwrap();
    let after = ratio(&source, &ModelFile::from_bytes("mixed", &some.file).unwrap());
    let found = some.mixed.unwrap();
    assert!(after >= target && (found.after_db - after).abs() < 0.01, "{found:?}, {after} dB");
    let operators = float_of(&source).unwrap().nodes().len();
    assert!((1..operators / 2).contains(&found.kept.len()), "{found:?}");
    let failure = mixed(110.0, BorderType::Int8).unwrap_err();
    assert!(failure.is_usage() && failure.line().contains("out of reach"), "{}", failure.line());
    // With real outputs the last operators' values are not rounded to integers on their way out.
    let real = mixed(50.0, BorderType::Float32).unwrap();
    let file = ModelFile::from_bytes("mixed", &real.file).unwrap();
    assert!(ratio(&source, &file) >= 50.0);
    let model = file.model().unwrap();
    let last = model.main().operators().iter().last().unwrap();
    assert_ne!(model.code(&last).name(), "DEQUANTIZE");
}

#[test]
fn methods_of_calibration_keep_the_accuracy_whatever_the_threads() {
    let methods = [Method::MovingAverage, Method::Percentile(99.9), Method::Mse, Method::Entropy];
    for method in methods {
        let convert_on = |threads: usize| {
            let graph = float_of(&read("keywords/keywords_float.tflite")).unwrap();
            let mut samples =
                Samples::open(&data("keywords/calibration.npz"), &SampleSpec::of(&graph)).unwrap();
            let calibration = Calibration { method, threads: NonZero::new(threads) };
            convert(graph, Some(&mut samples), &calibration, &Options::default(), None).unwrap().file
        };
        let file = convert_on(1);
        assert!(file == convert_on(3), "{method:?}");
        let held_out = array("keywords/heldout.npz", "y");
        let labels: Vec<i64> =
            held_out.bytes().as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect();
        let percent = |file: &ModelFile| {
            let samples = vec![array("keywords/heldout.npz", "x")];
            let mut samples = Samples::of(samples).unwrap();
            top1(file, &mut samples, &labels).unwrap().percent()
        };
        let float = percent(&read("keywords/keywords_float.tflite"));
        let converted = percent(&ModelFile::from_bytes("converted", &file).unwrap());
        assert!(converted >= float - 2.0, "{method:?}: float {float} %, int8 {converted} %");
    }
}

#[test]
fn the_sine_stays_a_sine() {
    let x: Vec<f32> = (0..=1000).map(|i| i as f32 * std::f32::consts::TAU / 1000.0).collect();
    let samples = Array::from_f32(vec![x.len(), 1], &x).unwrap();
    let error =
        |y: &[Vec<f32>]| y.iter().zip(&x).map(|(y, x)| (y[0] - x.sin()).abs()).sum::<f32>() / x.len() as f32;
    let all = [BorderType::Int8, BorderType::Float32];
    for (inputs, outputs_type) in all.into_iter().flat_map(|a| all.map(|b| (a, b))) {
        let file = int8("sine", Options { inputs, outputs: outputs_type, ..Options::default() });
        let mean = error(&outputs(&file, &samples));
        assert!(mean < 0.015, "mean error {mean} with borders {inputs:?}, {outputs_type:?}");
    }
}

/// What a graph says, without the numbers that its tensors have.
fn describe(graph: &Graph) -> Vec<String> {
    let tensor = |t| format!("{:?}", graph.tensor(t));
    let node = |node: &Node| {
        let inputs: Vec<_> = node.inputs.iter().map(|t| t.map(tensor)).collect();
        format!("{:?} {inputs:?} {:?}", node.op, node.outputs.iter().copied().map(tensor).collect::<Vec<_>>())
    };
    let mut out: Vec<String> = graph.nodes().map(|(_, n)| node(n)).collect();
    out.extend(graph.inputs.iter().chain(&graph.outputs).copied().map(tensor));
    out.push(format!("{} {}", graph.name, graph.description));
    for signature in &graph.signatures {
        let ends = signature.inputs.iter().chain(&signature.outputs);
        out.extend(ends.map(|(name, t)| format!("{} {name} {}", signature.key, tensor(*t))));
    }
    out
}

#[test]
fn models_come_back_as_they_were() {
    for name in ["digits", "keywords", "sine"] {
        let calibration = array(&format!("{name}/calibration.npz"), "x");
        for kind in ["float", "int8_tf"] {
            let source = read(&format!("{name}/{name}_{kind}.tflite"));
            let graph = imported(source.name(), source.bytes()).unwrap();
            let written = ModelFile::from_bytes("copy", &verified(to_tflite(&graph).unwrap())).unwrap();
            let again = imported("copy", written.bytes()).unwrap();
            assert_eq!(describe(&graph), describe(&again), "{name} {kind}");
            let versions = |file: &ModelFile| -> Vec<(String, i32)> {
                let model = file.model().unwrap();
                let operators = model.main().operators();
                operators.iter().map(|o| model.code(&o)).map(|c| (c.name().to_owned(), c.version())).collect()
            };
            assert_eq!(versions(&source), versions(&written), "{name} {kind}");
            assert_eq!(outputs(&source, &calibration), outputs(&written, &calibration), "{name} {kind}");
        }
    }
}

#[test]
fn every_operator_model_comes_back() {
    let mut npz = Npz::open(&data("operators/cases.npz")).unwrap();
    let names: Vec<String> = npz.names().filter(|n| n.ends_with(".model")).map(str::to_owned).collect();
    assert!(names.len() > 50);
    for name in names {
        let model = npz.array(&name).unwrap();
        let graph = imported(&name, model.bytes()).unwrap();
        let again = imported(&name, &to_tflite(&graph).unwrap()).unwrap();
        assert_eq!(describe(&graph), describe(&again), "{name}");
    }
}

#[test]
fn bytes_that_are_no_model_are_refused() {
    assert!(imported("x", b"").is_err());
    assert!(imported("x", b"\x08\0\0\0TFL3").is_err());
    assert!(imported("x", &[0x89, b'P', b'N', b'G', 0, 0, 0, 0, 0]).is_err());
}
