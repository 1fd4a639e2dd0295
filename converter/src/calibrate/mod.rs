//! Calibration: which values each tensor takes on sample data.
//!
//! ```text
//! samples -> float model on the interpreter's kernels -> observer of each tensor -> ranges
//! ```

mod histogram;
mod means;
mod moments;
mod observer;
mod samples;

use std::num::NonZero;
use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;
use sedge_runtime::schema::op::QuantizationRule;
use sedge_runtime::schema::{Shape, TensorType};
use sedge_runtime::{Error, Observer as Watcher, Session, Step};

pub(crate) use histogram::Histogram;
use means::Means;
pub(crate) use moments::{Moments, Patches};
pub use observer::{DEFAULT_PERCENTILE, Method, Observer, Range};
pub use samples::{SampleSpec, Samples};

use crate::Failure;
use crate::exec::{ExecOptions, ModelFile, with_session};
use crate::export::to_tflite;
use crate::graph::{Graph, NodeId, TensorId};
use crate::report::progress;

/// How a model is calibrated.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calibration {
    /// How ranges are chosen.
    pub method: Method,
    /// Samples that run at the same time; all cores by default. The result does not depend on it.
    pub threads: Option<NonZero<usize>>,
}

impl Calibration {
    /// How many threads share so many tasks.
    pub(crate) fn workers(&self, tasks: usize) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        self.threads.map_or(cores, NonZero::get).min(tasks)
    }
}

/// What was learnt of the tensors that took values, by their ids.
#[derive(Clone, Debug, Default)]
pub struct Ranges {
    ranges: Vec<Option<Range>>,
    /// The mean of each channel, where weights are applied to it.
    means: Vec<Option<Vec<f64>>>,
    /// How the inputs of weights vary together, by the operator that has the weights.
    moments: Vec<(NodeId, Moments)>,
}

impl Ranges {
    /// The range of a tensor; `None` for constants and tensors that hold no real values.
    pub fn of(&self, tensor: TensorId) -> Option<Range> {
        self.ranges.get(tensor.index()).copied().flatten()
    }

    /// Puts another range in the place of what was seen of a tensor.
    pub(crate) fn set(&mut self, tensor: TensorId, range: Range) {
        if let Some(seen) = self.ranges.get_mut(tensor.index()) {
            *seen = Some(range);
        }
    }

    /// The mean of each channel (the last dimension) of a tensor that weights are applied to.
    pub fn means(&self, tensor: TensorId) -> Option<&[f64]> {
        self.means.get(tensor.index())?.as_deref()
    }

    /// The same without what only careful rounding needs.
    pub(crate) fn without_moments(&self) -> Self {
        Self { ranges: self.ranges.clone(), means: self.means.clone(), moments: Vec::new() }
    }

    /// How the inputs of an operator's weights vary together.
    pub(crate) fn moments(&self, node: NodeId) -> Option<&Moments> {
        self.moments.iter().find(|(id, _)| *id == node).map(|(_, moments)| moments)
    }
}

impl FromIterator<Option<Range>> for Ranges {
    fn from_iter<I: IntoIterator<Item = Option<Range>>>(ranges: I) -> Self {
        Self { ranges: ranges.into_iter().collect(), ..Self::default() }
    }
}

/// What is seen of one tensor.
#[derive(Clone, Debug)]
struct Seen {
    observer: Observer,
    means: Option<Means>,
    /// One for each operator that applies weights to it.
    moments: Vec<(NodeId, Moments)>,
}

impl Seen {
    fn observe(&mut self, number: usize, kind: TensorType, shape: &Shape, bytes: &[u8]) {
        if kind != TensorType::Float32 {
            return;
        }
        let mut values = bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b));
        if let Some(means) = &mut self.means {
            means.observe(shape.last(), &mut values.clone());
        }
        if !self.moments.is_empty() {
            let values: Vec<f32> = values.clone().collect();
            self.moments.iter_mut().for_each(|(_, moments)| moments.observe(shape, &values));
        }
        self.observer.observe(number, &mut values);
    }

    fn merge(&mut self, other: &Self) {
        self.observer.merge(&other.observer);
        if let (Some(means), Some(more)) = (&mut self.means, &other.means) {
            means.merge(more);
        }
        self.moments.iter_mut().zip(&other.moments).for_each(|((_, all), (_, more))| all.merge(more));
    }
}

/// An observer for each tensor, which has seen nothing.
fn observers(graph: &Graph, method: Method) -> Vec<Seen> {
    let nothing = Seen { observer: Observer::new(method), means: None, moments: Vec::new() };
    let mut seen = vec![nothing; graph.tensors().len()];
    for (id, node) in graph.nodes() {
        let rule = node.op.known().map(|op| op.quantization());
        if let Some(QuantizationRule::Weights { data, .. }) = rule
            && let Some(input) = node.input(data.into())
            && let Some(seen) = seen.get_mut(input.index())
        {
            seen.means = Some(Means::default());
            let weights = node.input(1).map(|t| graph.tensor(t)).filter(|t| t.is_constant());
            let patches = node
                .op
                .known()
                .zip(weights)
                .and_then(|(op, weights)| Patches::of(op, &graph.tensor(input).shape, &weights.shape));
            seen.moments.extend(patches.map(|patches| (id, Moments::new(patches))));
        }
    }
    seen
}

/// Runs the float model `graph` on all samples and observes every tensor. Samples are read one at a time, and
/// forgotten when they have run.
///
/// # Errors
/// Where the model cannot be run, the samples do not fit it, or there are none.
pub fn calibrate(graph: &Graph, samples: &mut Samples, how: &Calibration) -> Result<Ranges, Failure> {
    let file = ModelFile::from_bytes("the float model", &to_tflite(graph)?)?;
    let count = samples.len();
    if count == 0 {
        return Err(Failure::new("there are no calibration samples").help("give some with --calibration"));
    }
    let threads = how.workers(count);
    let part = Part {
        file: &file,
        samples: &Mutex::new(samples),
        bar: progress("calibrating", count as u64),
        observers: observers(graph, how.method),
    };
    let parts: Vec<_> = std::thread::scope(|scope| {
        let start = |first| {
            let part = &part;
            scope.spawn(move || part.run((first..count).step_by(threads)))
        };
        let running: Vec<_> = (0..threads).map(start).collect();
        running.into_iter().map(|thread| thread.join()).collect()
    });
    part.bar.finish_and_clear();
    let mut observers = part.observers;
    for seen in parts {
        let seen = seen.map_err(|_| Failure::new("calibration stopped: a thread failed"))??;
        observers.iter_mut().zip(&seen).for_each(|(all, part)| all.merge(part));
    }
    Ok(Ranges {
        ranges: observers.iter().map(|seen| seen.observer.range()).collect(),
        means: observers.iter().map(|seen| seen.means.as_ref()?.get()).collect(),
        moments: observers.into_iter().flat_map(|seen| seen.moments).collect(),
    })
}

/// What the threads share.
struct Part<'p> {
    file: &'p ModelFile,
    samples: &'p Mutex<&'p mut Samples>,
    bar: ProgressBar,
    /// One for each tensor, which has seen nothing.
    observers: Vec<Seen>,
}

impl Part<'_> {
    /// Runs the samples of these numbers.
    fn run(&self, numbers: impl Iterator<Item = usize> + Clone) -> Result<Vec<Seen>, Failure> {
        let mut observers = self.observers.clone();
        let mut unfit = None;
        with_session(self.file.model()?, &ExecOptions::default(), |session| {
            // A second call starts anew, in a larger arena.
            observers.clone_from(&self.observers);
            for number in numbers.clone() {
                let sample = self.samples.lock().unwrap_or_else(PoisonError::into_inner).get(number);
                if let Err(failure) = sample.and_then(|sample| fill(session, &sample)) {
                    unfit = Some(failure);
                    return Ok(());
                }
                for i in 0..session.inputs() {
                    let tensor = session.graph().inputs().get(i).and_then(|t| usize::try_from(t).ok());
                    if let Some(seen) = tensor.and_then(|t| observers.get_mut(t)) {
                        let (kind, shape) = (session.input_type(i)?, session.input_shape(i)?);
                        seen.observe(number, kind, &shape, session.input_bytes_mut(i)?);
                    }
                }
                session.invoke_with(&mut Watch { number, observers: &mut observers })?;
                self.bar.inc(1);
            }
            Ok(())
        })?;
        unfit.map_or(Ok(observers), Err)
    }
}

/// Puts one sample into the inputs.
fn fill(session: &mut Session<'_>, sample: &[Vec<f32>]) -> Result<(), Failure> {
    for (i, values) in sample.iter().enumerate() {
        session.set_input::<f32>(i, values).map_err(|e| {
            let (expected, found) = match e {
                Error::Length { expected, found } => (expected, found),
                other => return Failure::new(format!("input {i}: {other}")),
            };
            Failure::new(format!("a calibration sample has {found} values for input {i}, the model takes {expected}"))
                .help("`sedge inspect` shows the shape that the model takes; the first dimension of the data counts samples")
        })?;
    }
    Ok(())
}

/// Shows every operator's outputs to the observers of their tensors.
struct Watch<'o> {
    number: usize,
    observers: &'o mut [Seen],
}

impl Watcher for Watch<'_> {
    fn after(&mut self, step: &Step<'_>) {
        step.outputs(|tensor, kind: TensorType, shape: Shape, bytes| {
            if let Some(seen) = self.observers.get_mut(tensor as usize) {
                seen.observe(self.number, kind, &shape, bytes);
            }
        });
    }
}
