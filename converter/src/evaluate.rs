//! How good and how fast a model is: accuracy over labelled samples, time, memory.

use std::path::Path;
use std::time::Instant;

use sedge_runtime::{Error, Level, Session, TensorType, Weights};
use serde::Serialize;

use crate::Failure;
use crate::calibrate::floats;
use crate::data::{Array, InputSpec, Npz, quantize};
use crate::exec::{ExecOptions, ModelFile, with_session};

/// Labelled samples.
#[derive(Clone, Debug)]
pub struct Labelled {
    samples: Array,
    labels: Vec<usize>,
}

impl Labelled {
    /// Samples, along the first dimension, and a label for each.
    ///
    /// # Errors
    /// Where they are not as many as each other, or the labels are no indices.
    pub fn new(samples: Array, labels: &Array) -> Result<Self, Failure> {
        let indices = floats(labels).unwrap_or_default();
        let whole = indices.iter().all(|v| v.fract() == 0.0 && (0.0..1e6).contains(v));
        if indices.is_empty() || !whole {
            return Err(Failure::new("the labels are not whole numbers from 0 on"));
        }
        if samples.shape().first() != Some(&indices.len()) {
            let (n, shape) = (indices.len(), samples.shape());
            return Err(Failure::new(format!("there are {n} labels for samples of shape {shape:?}")));
        }
        Ok(Self { samples, labels: indices.into_iter().map(|v| v as usize).collect() })
    }

    /// The arrays `x` and `y` of a `.npz` file.
    ///
    /// # Errors
    /// Where the file cannot be read or lacks one.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let mut npz = Npz::open(path)?;
        Self::new(npz.array("x")?, &npz.array("y")?)
    }
}

/// How a model did.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Evaluation {
    /// Samples whose largest output is at the label's index.
    pub correct: usize,
    /// All samples.
    pub samples: usize,
    /// Half of the invocations took less.
    pub median_us: f64,
}

impl Evaluation {
    /// The share of samples that were right.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.samples.max(1) as f64
    }
}

/// Runs the model on every sample. Samples of float32 are quantized for quantized inputs.
///
/// # Errors
/// Where the samples do not fit the model, or it cannot be run.
pub fn evaluate(file: &ModelFile, data: &Labelled, options: &ExecOptions) -> Result<Evaluation, Failure> {
    let model = file.model()?;
    let specs = InputSpec::of(&model);
    let [spec] = specs.as_slice() else {
        return Err(Failure::new(format!("the model takes {} inputs, not one", specs.len())));
    };
    let inputs = prepare(&data.samples, spec, data.labels.len())?;
    let size = spec.tensor_type.bytes(spec.shape.elements()).unwrap_or(0).max(1);
    if inputs.len() != size * data.labels.len() {
        let shape = data.samples.shape();
        return Err(Failure::new(format!("samples of shape {shape:?} do not fit {spec}")));
    }
    with_session(model, options, |session| {
        let mut times = Vec::new();
        let mut correct = 0;
        for (sample, &label) in inputs.chunks_exact(size).zip(&data.labels) {
            session.input_bytes_mut(0)?.copy_from_slice(sample);
            let start = Instant::now();
            session.invoke()?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
            correct += usize::from(largest(session)? == Some(label));
        }
        times.sort_by(f64::total_cmp);
        let median_us = times.get(times.len() / 2).copied().unwrap_or(0.0);
        Ok(Evaluation { correct, samples: times.len(), median_us })
    })
}

/// The bytes of all samples, one after the other, as the input takes them.
fn prepare(samples: &Array, spec: &InputSpec<'_>, count: usize) -> Result<Vec<u8>, Failure> {
    let found = samples.tensor_type();
    if found == spec.tensor_type {
        return Ok(samples.bytes().to_vec());
    }
    let values = floats(samples);
    let bytes = match spec.tensor_type {
        TensorType::Float32 => values.map(|v| v.into_iter().flat_map(f32::to_le_bytes).collect()),
        _ if found == TensorType::Float32 => values
            .and_then(|v| quantize(&v, spec.tensor_type, spec.quantization))
            .map(|array| array.bytes().to_vec()),
        _ => None,
    };
    bytes.ok_or_else(|| Failure::new(format!("{count} samples of {found} cannot be given to {spec}")))
}

/// The index of the first of the largest values of output 0.
fn largest(session: &Session<'_>) -> Result<Option<usize>, Error> {
    let bytes = session.output_bytes(0)?;
    let values: Vec<f32> = match session.output_type(0)? {
        TensorType::Float32 => bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
        TensorType::Int8 => bytes.iter().map(|&b| f32::from(b as i8)).collect(),
        TensorType::UInt8 => bytes.iter().map(|&b| f32::from(b)).collect(),
        model => return Err(Error::ElementType { model }),
    };
    let better = |best: Option<usize>, i: usize| match best {
        Some(b) if values[b] >= values[i] => Some(b),
        _ => Some(i),
    };
    Ok((0..values.len()).fold(None, better))
}

/// Bytes of arena that the model takes on a microcontroller: weights in place, plain kernels.
///
/// # Errors
/// Where the model cannot be run.
pub fn device_arena(file: &ModelFile) -> Result<usize, Failure> {
    let level = Level::from_name("scalar").unwrap_or_else(Level::detect);
    let options = ExecOptions { level, weights: Weights::InPlace, ..ExecOptions::default() };
    with_session(file.model()?, &options, |session| Ok(session.memory().arena))
}
