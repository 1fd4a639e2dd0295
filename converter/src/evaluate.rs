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

/// Runs a classifier with one input on all samples: the share whose class is their label. See [`classify`].
///
/// # Errors
/// Where the model cannot be run, or samples or labels do not fit it.
pub fn top1(file: &ModelFile, samples: &mut Samples, labels: &[i64]) -> Result<Accuracy, Failure> {
    if samples.len() != labels.len() {
        return Err(Failure::new(format!("there are {} samples and {} labels", samples.len(), labels.len()))
            .help("give each sample a label, in the order of the samples"));
    }
    let found = classify(file, samples, 1)?;
    let is_right =
        |(classes, &label): (&Vec<usize>, &i64)| classes.first().is_some_and(|&c| c as i64 == label);
    let correct = found.iter().zip(labels).filter(|&pair| is_right(pair)).count();
    Ok(Accuracy { correct, samples: labels.len() })
}

/// Runs a classifier with one input on all samples. For each the indices of the `most` largest values of output 0, the
/// largest first, and the first of equal ones. Quantized inputs get the samples quantized with the input's scale.
///
/// # Errors
/// Where the model cannot be run, or the samples do not fit it.
pub fn classify(file: &ModelFile, samples: &mut Samples, most: usize) -> Result<Vec<Vec<usize>>, Failure> {
    let model = file.model()?;
    if model.main().inputs().is_empty() {
        return Err(Failure::new(format!("'{}' has no input", file.name())));
    }
    let count = samples.len();
    let bar = progress("evaluating", count as u64);
    let mut failure = None;
    let found = with_session(model, &ExecOptions::default(), |session| {
        let mut found = Vec::new();
        bar.reset();
        for index in 0..count {
            let values = match samples.get(index) {
                Ok(values) => values.into_iter().next().unwrap_or_default(),
                Err(e) => {
                    failure = Some(e);
                    return Ok(found);
                }
            };
            put(session, 0, &values)?;
            session.invoke()?;
            let output = widen(session.output_type(0)?, &session.output_shape(0)?, session.output_bytes(0)?);
            found.push(output.map(|o| largest(&o, most)).unwrap_or_default());
            bar.inc(1);
        }
        Ok(found)
    })?;
    bar.finish_and_clear();
    failure.map_or(Ok(found), Err)
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

/// The indices of the largest elements, the largest first, and the first of equal ones.
fn largest(array: &crate::data::Array, most: usize) -> Vec<usize> {
    let bytes = array.bytes();
    let values: Vec<f64> = match array.tensor_type() {
        TensorType::Float32 => array.to_f32().unwrap_or_default().into_iter().map(f64::from).collect(),
        TensorType::Int8 => bytes.iter().map(|&b| f64::from(b as i8)).collect(),
        TensorType::UInt8 => bytes.iter().map(|&b| f64::from(b)).collect(),
        TensorType::Int16 => bytes.as_chunks().0.iter().map(|&b| i16::from_le_bytes(b).into()).collect(),
        _ => return Vec::new(),
    };
    let mut order: Vec<(usize, f64)> = values.into_iter().enumerate().filter(|(_, v)| !v.is_nan()).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    order.into_iter().take(most).map(|(i, _)| i).collect()
}

#[cfg(test)]
mod tests {
    use super::largest;
    use crate::data::Array;

    #[test]
    fn the_first_of_equal_values_comes_first() {
        let array = Array::from_f32(vec![5], &[1.0, 3.0, f32::NAN, 3.0, 2.0]).unwrap();
        assert_eq!(largest(&array, 3), [1, 3, 4]);
        assert_eq!(largest(&array, 9).len(), 4);
    }
}
