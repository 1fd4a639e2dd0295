//! Accuracy of classifiers on labelled samples.

use sedge_runtime::{Error, Session, TensorType};

use crate::Failure;
use crate::calibrate::Samples;
use crate::data::{quantize, widen};
use crate::exec::{ExecOptions, ModelFile, with_session};
use crate::report::progress;

/// What came of running a classifier on labelled samples.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Accuracy {
    /// Samples whose label had the largest output.
    pub correct: usize,
    /// All samples.
    pub samples: usize,
}

impl Accuracy {
    /// The share of samples that were right, in percent.
    pub fn percent(&self) -> f64 {
        100.0 * self.correct as f64 / self.samples.max(1) as f64
    }
}

/// Runs a classifier with one input on all samples. The class is the index of the largest value of
/// output 0, the first of equal ones. Quantized inputs get the samples quantized with the input's scale.
///
/// # Errors
/// Where the model cannot be run, or the samples do not fit it.
pub fn top1(file: &ModelFile, samples: &mut Samples, labels: &[i64]) -> Result<Accuracy, Failure> {
    let model = file.model()?;
    if samples.len() != labels.len() {
        return Err(Failure::new(format!("there are {} samples and {} labels", samples.len(), labels.len())));
    }
    if model.main().inputs().is_empty() {
        return Err(Failure::new(format!("'{}' has no input", file.name())));
    }
    let bar = progress("evaluating", labels.len() as u64);
    let mut failure = None;
    let correct = with_session(model, &ExecOptions::default(), |session| {
        let mut correct = 0;
        bar.reset();
        for (index, &label) in labels.iter().enumerate() {
            let values = match samples.get(index) {
                Ok(values) => values.into_iter().next().unwrap_or_default(),
                Err(e) => {
                    failure = Some(e);
                    return Ok(0);
                }
            };
            put(session, 0, &values)?;
            session.invoke()?;
            let output = widen(session.output_type(0)?, &session.output_shape(0)?, session.output_bytes(0)?);
            correct +=
                usize::from(output.and_then(|o| largest(&o)).is_some_and(|class| class as i64 == label));
            bar.inc(1);
        }
        Ok(correct)
    })?;
    bar.finish_and_clear();
    match failure {
        Some(failure) => Err(failure),
        None => Ok(Accuracy { correct, samples: labels.len() }),
    }
}

/// Puts real values into an input, quantized with its scale where it holds integers.
pub(crate) fn put(session: &mut Session<'_>, i: usize, values: &[f32]) -> Result<(), Error> {
    let tensor = session.graph().inputs().get(i).and_then(|t| usize::try_from(t).ok());
    let Some(view) = tensor.and_then(|t| session.graph().tensors().get(t)) else {
        return session.set_input::<f32>(i, values);
    };
    if view.tensor_type() == TensorType::Float32 {
        return session.set_input::<f32>(i, values);
    }
    let array = quantize(values, view.tensor_type(), view.quantization());
    let bytes = array.as_ref().map(|a| a.bytes()).unwrap_or_default();
    let to = session.input_bytes_mut(i)?;
    let (expected, found) = (to.len() as u32, bytes.len() as u32);
    if expected != found {
        return Err(Error::Length { expected, found });
    }
    to.copy_from_slice(bytes);
    Ok(())
}

/// The index of the largest element; the first of equal ones.
fn largest(array: &crate::data::Array) -> Option<usize> {
    let bytes = array.bytes();
    let values: Vec<f64> = match array.tensor_type() {
        TensorType::Float32 => array.to_f32()?.into_iter().map(f64::from).collect(),
        TensorType::Int8 => bytes.iter().map(|&b| f64::from(b as i8)).collect(),
        TensorType::UInt8 => bytes.iter().map(|&b| f64::from(b)).collect(),
        TensorType::Int16 => bytes.as_chunks().0.iter().map(|&b| i16::from_le_bytes(b).into()).collect(),
        _ => return None,
    };
    let best = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    values.iter().position(|&v| v == best)
}
