//! Imported models beside what their makers' own library gave: written as float `.tflite`, run, and compared.

use std::path::Path;

use sedge_converter::data::{Array, Npz};
use sedge_converter::exec::{ExecOptions, ModelFile, with_session};
use sedge_converter::export::to_tflite;
use sedge_converter::graph::Graph;

use crate::official::verified;

/// How far outputs may be from what is expected.
#[derive(Clone, Copy)]
pub(crate) enum Allowed {
    /// So much of the largest value expected, which counts as at least `least`.
    Share { of_largest: f32, least: f32 },
    /// This share of the outputs' power.
    #[allow(dead_code, reason = "not all tests run models that are quantized")]
    Noise(f32),
}

impl Allowed {
    /// What is wrong with an output; `None` where nothing is.
    fn wrong(self, found: &[f32], wanted: &[f32]) -> Option<String> {
        let off = || found.iter().zip(wanted).map(|(a, b)| a - b);
        match self {
            Self::Share { of_largest, least } => {
                let range = wanted.iter().fold(0f32, |m, x| m.max(x.abs()));
                let worst = off().fold(0f32, |m, d| if d.is_nan() { f32::INFINITY } else { m.max(d.abs()) });
                (worst > of_largest * range.max(least)).then(|| format!("off by {worst} of {range}"))
            }
            Self::Noise(share) => {
                let signal: f32 = wanted.iter().map(|x| x * x).sum();
                let noise: f32 = off().map(|x| x * x).sum();
                (noise.is_nan() || noise > share * signal).then(|| format!("noise {noise} in {signal}"))
            }
        }
    }
}

/// What differs from `t0.out0, t0.out1, ...` on `t0.in0, t0.in1, ...`, for each step of the file.
pub(crate) fn differences(graph: &Graph, expected: &Path, allowed: Allowed) -> Vec<String> {
    let file = ModelFile::from_bytes("converted", &verified(to_tflite(graph).unwrap())).unwrap();
    let mut expected = Npz::open(expected).unwrap();
    let mut all = |what: &str, t: usize| -> Vec<Array> {
        (0..).map_while(|i| expected.array(&format!("t{t}.{what}{i}")).ok()).collect()
    };
    let mut wrong = Vec::new();
    for t in 0.. {
        let (inputs, outputs) = (all("in", t), all("out", t));
        if inputs.is_empty() {
            assert_ne!(t, 0, "nothing is expected");
            break;
        }
        let found = with_session(file.model().unwrap(), &ExecOptions::default(), |session| {
            for (i, input) in inputs.iter().enumerate() {
                session.input_bytes_mut(i)?.copy_from_slice(input.bytes());
            }
            session.invoke()?;
            (0..session.outputs())
                .map(|o| Ok((session.output_shape(o)?, session.output::<f32>(o)?.to_vec())))
                .collect::<Result<Vec<_>, _>>()
        });
        let found = found.unwrap();
        assert_eq!(found.len(), outputs.len());
        for (o, ((shape, found), want)) in found.into_iter().zip(&outputs).enumerate() {
            let dims: Vec<usize> = shape.dims().iter().map(|&d| d as usize).collect();
            if dims != want.shape() {
                wrong.push(format!("step {t}, output {o}: {dims:?} for {:?}", want.shape()));
            }
            let reason = allowed.wrong(&found, &want.to_f32().unwrap());
            wrong.extend(reason.map(|reason| format!("step {t}, output {o}: {reason}")));
        }
    }
    wrong
}
