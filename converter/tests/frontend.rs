//! Audio front ends against tflite-micro: the bundled one, whose features of the bundled clips tflite-micro made, and the
//! public one, `audio_preprocessor_int8`.

mod shared;

use std::path::Path;

use sedge_converter::data::Npz;
use sedge_converter::exec::{ExecOptions, ModelFile, with_session};
use sedge_converter::export::to_tflite;
use sedge_converter::frontend::{FEATURE_STEP, FEATURE_ZERO, Frontend, Input, Output};

use shared::shared;

fn written(frontend: &Frontend) -> ModelFile {
    ModelFile::from_bytes("frontend", &to_tflite(&frontend.graph().unwrap()).unwrap()).unwrap()
}

/// What a front end gives for each of these pieces of sound, in bytes.
fn features(file: &ModelFile, pieces: &[&[i16]]) -> Vec<Vec<u8>> {
    let model = file.model().unwrap();
    with_session(model, &ExecOptions::default(), |session| {
        let hear = |piece: &&[i16]| {
            session.input_mut::<i16>(0)?.copy_from_slice(piece);
            session.invoke()?;
            Ok(session.output_bytes(0)?.to_vec())
        };
        pieces.iter().map(hear).collect()
    })
    .unwrap()
}

/// Sound of all loudnesses and heights: a chirp that swells, over noise.
fn sound(samples: usize) -> Vec<i16> {
    let mut random = 1u32;
    let mut noise = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(random >> 16) / 65536.0 - 0.5
    };
    let at = |t: usize| {
        let t = t as f64 / 16_000.0;
        let loud = 16_000.0 * (0.5 - 0.5 * (3.0 * t).cos());
        (loud * (2.0 * std::f64::consts::PI * (150.0 + 900.0 * t) * t).sin() + 400.0 * noise()) as i16
    };
    (0..samples).map(at).collect()
}

#[test]
fn clips_give_the_features_of_tflite_micro() {
    let mut clips =
        Npz::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/keywords/clips.npz")).unwrap();
    let audio = clips.array("audio").unwrap();
    let samples: Vec<i16> = audio.bytes().as_chunks().0.iter().map(|&b| i16::from_le_bytes(b)).collect();
    let expected: Vec<u8> = clips
        .array("x")
        .unwrap()
        .to_f32()
        .unwrap()
        .iter()
        .map(|x| ((x / FEATURE_STEP).round() as i32 + FEATURE_ZERO) as i8 as u8)
        .collect();
    let frames = features(&written(&Frontend::default()), &samples.chunks(320).collect::<Vec<_>>());
    // The network sees the last 49 of a second's 50 frames.
    let seen: Vec<u8> = frames.chunks(50).flat_map(|second| second[1..].concat()).collect();
    assert_eq!(seen.len(), 4 * 49 * 40);
    assert!(seen == expected);
}

#[test]
fn frames_give_what_the_public_front_end_gives() {
    let Some(folder) = shared("models/micro") else { return };
    let public = ModelFile::read(&folder.join("audio_preprocessor_int8.tflite")).unwrap();
    let own = written(&Frontend { input: Input::Frame, ..Frontend::default() });
    let sound = sound(160_000);
    let frames: Vec<&[i16]> = sound.windows(480).step_by(320).collect();
    let found = features(&own, &frames);
    let loudest = found.concat().iter().map(|&x| x.cast_signed()).max();
    assert!(loudest > Some(100), "{loudest:?}");
    assert!(found == features(&public, &frames));
}

#[test]
fn a_stream_is_cut_as_its_frames_are() {
    for (hop_ms, window_ms, rate) in [(20, 30, 16_000), (10, 25, 8_000), (32, 32, 16_000)] {
        let hops = Frontend { hop_ms, window_ms, rate, high_hz: 3800.0, channels: 20, ..Frontend::default() };
        let (window, hop) = (hops.window().unwrap(), hops.hop().unwrap());
        // Before the first sample there is silence.
        let mut sound = sound(20 * hop);
        let streamed = features(&written(&hops), &sound.chunks(hop).collect::<Vec<_>>());
        sound.splice(0..0, vec![0; window - hop]);
        let frames: Vec<&[i16]> = sound.windows(window).step_by(hop).collect();
        assert!(streamed == features(&written(&Frontend { input: Input::Frame, ..hops }), &frames));
    }
}

#[test]
fn int8_features_are_the_logarithms_scaled() {
    let logs = Frontend { output: Output::Int16, gain_control: false, ..Frontend::default() };
    let sound = sound(32_000);
    let hops: Vec<&[i16]> = sound.chunks(320).collect();
    let scaled = features(&written(&Frontend { output: Output::Int8, ..logs }), &hops).concat();
    let wide = features(&written(&logs), &hops).concat();
    let wide = wide.as_chunks().0.iter().map(|&b| i32::from(i16::from_le_bytes(b)));
    let expected: Vec<u8> =
        wide.map(|x| ((x * 256 + 333) / 666 - 128).clamp(-128, 127) as i8 as u8).collect();
    assert!(scaled == expected);
}
