//! Kernels for one element type only give the bits of the operators' own kernels, and refuse what they cannot have.

use sedge_runtime::kernels::{int8, int16, int32};
use sedge_runtime::{Error, Level, Model, Options, Refusal, Resolver, Session, Slot, Weights, kernels};
use sedge_tests::data;
use sedge_tests::run::arena;

/// All kernels, of which those for int8 come first.
const INT8: Resolver = kernels::ALL.with(&[
    &int8::Add,
    &int8::AveragePool2d,
    &int8::Conv2d,
    &int8::DepthwiseConv2d,
    &int8::FullyConnected,
    &int8::Logistic,
    &int8::MaxPool2d,
    &int8::Mean,
    &int8::Mul,
    &int8::Softmax,
    &int8::Sub,
    &int8::Tanh,
]);

/// Of an audio front end, whose own operators have one type, the others.
const AUDIO: Resolver = kernels::ALL.with(&[
    &int16::SignalRfft,
    &int32::Add,
    &int32::Cast,
    &int32::Div,
    &int32::Maximum,
    &int32::Minimum,
    &int32::Mul,
    &int32::Sub,
]);

/// What the model gives for inputs of all byte values in a mixed order, three times.
fn outputs(model: Model<'_>, kernels: Resolver, weights: Weights) -> Result<Vec<Vec<u8>>, Error> {
    let options = Options { level: Level::SCALAR, weights, ..Options::default() };
    let mut memory = arena(16 << 20);
    let mut session = Session::with_options(model, kernels, &mut memory, &options)?;
    let mut found = Vec::new();
    for step in 0..3u8 {
        for i in 0..model.main().inputs().len() {
            let bytes = session.input_bytes_mut(i)?;
            bytes
                .iter_mut()
                .zip(0u32..)
                .for_each(|(to, n)| *to = (n.wrapping_mul(2_654_435_761) >> 13) as u8 ^ step);
        }
        session.invoke()?;
        for o in 0..model.main().outputs().len() {
            found.push(session.output_bytes(o)?.to_vec());
        }
    }
    Ok(found)
}

#[test]
fn models_give_the_same_bits_or_are_refused() {
    let mut equal = 0;
    let folders = [Some(data::repository().join("tests/data")), data::shared("models/tiny")];
    for path in folders.into_iter().flatten().flat_map(data::models) {
        let file = std::fs::read(&path).expect("a model");
        let model = Model::check(&file).expect("a good model");
        match outputs(model, INT8, Weights::InPlace) {
            Ok(found) => {
                assert_eq!(Ok(found), outputs(model, kernels::ALL, Weights::InPlace), "{}", path.display());
                equal += 1;
            }
            Err(Error::Operator { refusal: Refusal::Type(_), .. }) => {}
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }
    assert!(equal >= 2, "{equal} models have int8 kernels throughout");
}

#[test]
fn packed_weights_are_refused() {
    let file =
        std::fs::read(data::repository().join("tests/data/sine/sine_int8_tf.tflite")).expect("the model");
    let model = Model::check(&file).expect("a good model");
    let refused = outputs(model, INT8, Weights::Packed);
    let is = matches!(refused, Err(Error::Operator { refusal: Refusal::Quantization(Slot::Input(1)), .. }));
    assert!(is, "{refused:?}");
}

#[test]
fn front_ends_give_the_same_bits() {
    let own = data::repository().join("tests/data/keywords/frontend.tflite");
    let public = data::shared("models/micro").map(|folder| folder.join("audio_preprocessor_int8.tflite"));
    for path in [Some(own), public].into_iter().flatten() {
        let file = std::fs::read(&path).expect("a model");
        let model = Model::check(&file).expect("a good model");
        let found = outputs(model, AUDIO, Weights::InPlace).expect("all types are there");
        assert!(found.iter().flatten().any(|&byte| byte != 128));
        assert_eq!(Ok(found), outputs(model, kernels::ALL, Weights::InPlace), "{}", path.display());
    }
}

#[test]
fn other_types_are_refused() {
    let file =
        std::fs::read(data::repository().join("tests/data/keywords/frontend.tflite")).expect("the model");
    let model = Model::check(&file).expect("a good model");
    let int8_add = kernels::ALL.with(&[&int8::Add]);
    let refused = outputs(model, int8_add, Weights::InPlace);
    assert!(matches!(refused, Err(Error::Operator { refusal: Refusal::Type(_), .. })), "{refused:?}");
}
