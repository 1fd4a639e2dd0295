//! How far a quantized model's tensors are from those of the float model that it was made from.
//!
//! ```text
//! samples -> float model    -> each operator's output --+
//! samples -> quantized model -> the same, dequantized ---+-> noise, range, saturation of each tensor
//! ```
//!
//! Tensors belong together by their names, which conversion keeps.

use std::collections::HashMap;

use sedge_runtime::schema::{Model, Shape};
use sedge_runtime::{Observer, Session, Step, TensorType};

use crate::Failure;
use crate::calibrate::{Histogram, Samples};
use crate::data::real_values;
use crate::evaluate::put;
use crate::exec::{ExecOptions, ModelFile, with_session};
use crate::report::progress;

/// What the converter puts behind the name of a tensor that it makes beside the source's.
const SUFFIXES: [&str; 3] = ["/integers", "/quantized", "/rescaled"];

/// The least ratio, in dB, that is told: that of noise where the float model has nothing but zeros.
const LEAST_RATIO: f64 = -300.0;

/// Parts of a layer's histogram.
const PARTS: usize = 48;

/// One tensor that both models compute.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Layer {
    /// The index of the quantized model's operator that writes it.
    pub operator: usize,
    /// What that operator is.
    pub kind: String,
    /// The tensor's name.
    pub tensor: String,
    /// Signal to quantization noise, `10 log10(sum x^2 / sum (x - y)^2)`, in dB; `None` where nothing differs.
    pub sqnr_db: Option<f64>,
    /// The smallest and the largest value in the float model.
    pub range: [f32; 2],
    /// The range that the quantized tensor's integers reach; `None` where it holds real values.
    pub chosen: Option<[f32; 2]>,
    /// How often values of the float model lie in each of 48 equal parts of their range.
    pub histogram: Vec<u64>,
    /// The share of values other than 0 at the ends of the integers' range, in percent.
    pub saturated_percent: f64,
}

#[derive(Clone, Debug)]
struct Sums {
    signal: f64,
    noise: f64,
    range: [f32; 2],
    saturated: u64,
    count: u64,
    histogram: Histogram,
}

impl Default for Sums {
    fn default() -> Self {
        Self {
            signal: 0.0,
            noise: 0.0,
            range: [f32::INFINITY, f32::NEG_INFINITY],
            saturated: 0,
            count: 0,
            histogram: Histogram::default(),
        }
    }
}

impl Sums {
    fn add(&mut self, real: &[f32], found: &[f32], saturated: u64) {
        for (&x, &y) in real.iter().zip(found) {
            self.signal += f64::from(x).powi(2);
            self.noise += (f64::from(x) - f64::from(y)).powi(2);
            self.range = [self.range[0].min(x), self.range[1].max(x)];
            self.histogram.add(x);
        }
        self.saturated += saturated;
        self.count += real.len() as u64;
    }
}

/// The tensor that `name` stands for in the source.
fn stem(name: &str) -> &str {
    SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}

/// Keeps the float values of the tensors that are asked for.
struct Keep<'k> {
    wanted: &'k HashMap<u32, String>,
    values: HashMap<&'k str, Vec<f32>>,
}

impl Observer for Keep<'_> {
    fn after(&mut self, step: &Step<'_>) {
        step.outputs(|tensor, kind, _, bytes| {
            if let Some(name) = self.wanted.get(&tensor).filter(|_| kind == TensorType::Float32) {
                self.values.insert(name, floats(bytes));
            }
        });
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect()
}

/// Compares the quantized model's tensors with those kept.
struct Watch<'w> {
    model: &'w Model<'w>,
    real: &'w HashMap<&'w str, Vec<f32>>,
    sums: &'w mut [Sums],
    /// For each tensor of the quantized model the line that it stands in.
    lines: &'w HashMap<u32, usize>,
}

impl Observer for Watch<'_> {
    fn after(&mut self, step: &Step<'_>) {
        step.outputs(|tensor, kind: TensorType, shape: Shape, bytes| {
            let Some(view) = self.model.main().tensors().get(tensor as usize) else { return };
            let Some(sums) = self.lines.get(&tensor).and_then(|&line| self.sums.get_mut(line)) else {
                return;
            };
            let name = view.name().as_str();
            let Some(real) = self.real.get(name).or_else(|| self.real.get(stem(name))) else { return };
            let found = real_values(kind, &shape, bytes, view.quantization());
            let Some(found) = found.filter(|found| found.len() == real.len()) else { return };
            // Zero is exact, wherever it lies.
            let zero = view.quantization().map_or(0, |q| q.zero_point_at(0));
            let at_end = |q: i32, [low, high]: [i32; 2]| (q == low || q == high) && q != zero;
            let saturated = match kind {
                TensorType::Int8 => bytes.iter().filter(|&&b| at_end((b as i8).into(), [-128, 127])).count(),
                TensorType::Int16 => {
                    let wide = bytes.as_chunks().0.iter().map(|&b| i16::from_le_bytes(b).into());
                    wide.filter(|&q| at_end(q, [-32768, 32767])).count()
                }
                _ => 0,
            };
            sums.add(real, &found, saturated as u64);
        });
    }
}

/// Runs both models on the first `most` samples and compares every tensor that both compute, in the quantized model's order.
///
/// # Errors
/// Where a model cannot be run, the samples do not fit them, or they have no tensor in common.
pub fn compare(
    float: &ModelFile,
    quantized: &ModelFile,
    samples: &mut Samples,
    most: usize,
) -> Result<Vec<Layer>, Failure> {
    let (float_model, small_model) = (float.model()?, quantized.model()?);
    ensure_same_inputs(&float_model, &small_model)?;
    let wanted: HashMap<u32, String> = (0u32..)
        .zip(float_model.main().tensors().iter())
        .map(|(t, view)| (t, view.name().as_str().to_owned()))
        .collect();
    let known: HashMap<&str, u32> = wanted.iter().map(|(&t, name)| (name.as_str(), t)).collect();
    let (mut layers, mut lines) = (Vec::new(), HashMap::new());
    for (k, operator) in small_model.main().operators().iter().enumerate() {
        for t in operator.outputs().iter().filter_map(|t| u32::try_from(t).ok()) {
            let Some(view) = small_model.main().tensors().get(t as usize) else { continue };
            let name = view.name().as_str();
            let name = if known.contains_key(name) { name } else { stem(name) };
            // A value that only changes its form counts once.
            if known.contains_key(name) && layers.iter().all(|layer: &Layer| layer.tensor != name) {
                lines.insert(t, layers.len());
                layers.push(Layer {
                    operator: k,
                    kind: small_model.code(&operator).name().to_owned(),
                    tensor: name.to_owned(),
                    sqnr_db: None,
                    range: [0.0, 0.0],
                    chosen: chosen(&view),
                    histogram: Vec::new(),
                    saturated_percent: 0.0,
                });
            }
        }
    }
    if layers.is_empty() {
        return Err(nothing_common(float, quantized));
    }
    let bar = progress("comparing", samples.len().min(most) as u64);
    let mut sums = vec![Sums::default(); layers.len()];
    let mut failure = None;
    let count = samples.len().min(most);
    with_session(float_model, &ExecOptions::default(), |real| {
        let result = with_session(small_model, &ExecOptions::default(), |small| {
            sums.fill(Sums::default());
            bar.reset();
            for index in 0..count {
                let sample = match samples.get(index) {
                    Ok(sample) => sample,
                    Err(e) => {
                        failure = Some(e);
                        return Ok(());
                    }
                };
                both(real, small, &sample)?;
                let mut keep = Keep { wanted: &wanted, values: HashMap::new() };
                real.invoke_with(&mut keep)?;
                let (model, real) = (&small_model, &keep.values);
                small.invoke_with(&mut Watch { model, real, sums: &mut sums, lines: &lines })?;
                bar.inc(1);
            }
            Ok(())
        });
        failure = failure.take().or(result.err());
        Ok(())
    })?;
    bar.finish_and_clear();
    if let Some(failure) = failure {
        return Err(failure);
    }
    for (layer, sums) in layers.iter_mut().zip(&sums) {
        if !(sums.signal + sums.noise).is_finite() {
            return Err(Failure::new(format!(
                "the tensor '{}' holds values that are not finite",
                layer.tensor
            ))
            .help("check the samples for NaN and infinities"));
        }
        layer.sqnr_db =
            (sums.noise > 0.0).then(|| (10.0 * (sums.signal / sums.noise).log10()).max(LEAST_RATIO));
        layer.range = sums.range;
        layer.histogram = sums.histogram.parts(PARTS);
        layer.saturated_percent = 100.0 * sums.saturated as f64 / sums.count.max(1) as f64;
    }
    let mut seen = sums.iter().map(|s| s.count != 0);
    layers.retain(|_| seen.next().unwrap_or(false));
    if layers.is_empty() { Err(nothing_common(float, quantized)) } else { Ok(layers) }
}

/// The real values of the smallest and the largest integer.
fn chosen(tensor: &sedge_runtime::schema::Tensor<'_>) -> Option<[f32; 2]> {
    let [low, high] = match tensor.tensor_type() {
        TensorType::Int8 => [-128, 127],
        TensorType::Int16 => [-32768, 32767],
        _ => return None,
    };
    let q = tensor.quantization()?;
    Some([low, high].map(|end| q.scale_at(0) * (end - q.zero_point_at(0)) as f32))
}

fn nothing_common(float: &ModelFile, quantized: &ModelFile) -> Failure {
    Failure::new(format!(
        "'{}' and '{}' have no tensor of real values in common",
        float.name(),
        quantized.name()
    ))
    .help("give the float source that the quantized model was made from")
}

/// Makes sure that both models take the same samples.
fn ensure_same_inputs(float: &Model<'_>, quantized: &Model<'_>) -> Result<(), Failure> {
    let shapes = |model: &Model<'_>| -> Vec<Shape> {
        let inputs = model.main().inputs().iter().filter_map(|t| usize::try_from(t).ok());
        inputs.filter_map(|t| model.main().tensors().get(t)).map(|tensor| tensor.shape()).collect()
    };
    let (a, b) = (shapes(float), shapes(quantized));
    if a == b {
        return Ok(());
    }
    let told = |shapes: &[Shape]| shapes.iter().map(Shape::to_string).collect::<Vec<_>>().join(", ");
    Err(Failure::new(format!("the float model takes {}, the quantized one {}", told(&a), told(&b)))
        .help("give the options that the model was converted with: --channels-last, --input-shape"))
}

/// Gives both models the same sample.
fn both(
    real: &mut Session<'_>,
    small: &mut Session<'_>,
    sample: &[Vec<f32>],
) -> Result<(), sedge_runtime::Error> {
    for (i, values) in sample.iter().enumerate() {
        put(real, i, values)?;
        put(small, i, values)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Sums, stem};

    #[test]
    fn noise_is_what_differs() {
        let mut sums = Sums::default();
        sums.add(&[3.0, -4.0], &[3.0, -3.0], 1);
        assert_eq!(
            (sums.signal, sums.noise, sums.range, sums.saturated, sums.count),
            (25.0, 1.0, [-4.0, 3.0], 1, 2)
        );
    }

    #[test]
    fn names_lose_what_conversion_adds() {
        assert_eq!([stem("a/integers"), stem("a/quantized"), stem("a/b")], ["a", "a", "a/b"]);
    }
}
