//! Calibration: which values each tensor takes on sample data.
//!
//! ```text
//! samples -> float model on the interpreter's kernels -> observer of each tensor -> ranges
//! ```

mod histogram;
mod observer;
mod samples;

use std::num::NonZero;
use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;
use sedge_runtime::schema::{Shape, TensorType};
use sedge_runtime::{Error, Observer as Watcher, Session, Step};

pub use observer::{Method, Observer, Range};
pub use samples::Samples;

use crate::Failure;
use crate::exec::{ExecOptions, ModelFile, with_session};
use crate::export::to_tflite;
use crate::graph::{Graph, TensorId};
use crate::report::progress;

/// How a model is calibrated.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calibration {
    /// How ranges are chosen.
    pub method: Method,
    /// Samples that run at the same time; all cores by default. The result does not depend on it.
    pub threads: Option<NonZero<usize>>,
}

/// The range of each tensor that took values, by its id.
#[derive(Clone, Debug, Default)]
pub struct Ranges(Vec<Option<Range>>);

impl Ranges {
    /// The range of a tensor; `None` for constants and tensors that hold no real values.
    pub fn of(&self, tensor: TensorId) -> Option<Range> {
        self.0.get(tensor.index()).copied().flatten()
    }
}

impl FromIterator<Option<Range>> for Ranges {
    fn from_iter<I: IntoIterator<Item = Option<Range>>>(ranges: I) -> Self {
        Self(ranges.into_iter().collect())
    }
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
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = how.threads.map_or(cores, NonZero::get).min(count);
    let part = Part {
        file: &file,
        samples: &Mutex::new(samples),
        bar: progress("calibrating", count as u64),
        observers: vec![Observer::new(how.method); graph.tensors().len()],
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
    Ok(Ranges(observers.iter().map(Observer::range).collect()))
}

/// What the threads share.
struct Part<'p> {
    file: &'p ModelFile,
    samples: &'p Mutex<&'p mut Samples>,
    bar: ProgressBar,
    /// One for each tensor, which has seen nothing.
    observers: Vec<Observer>,
}

impl Part<'_> {
    /// Runs the samples of these numbers.
    fn run(&self, numbers: impl Iterator<Item = usize> + Clone) -> Result<Vec<Observer>, Failure> {
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
                    if let Some(observer) = tensor.and_then(|t| observers.get_mut(t)) {
                        observe(observer, number, session.input_type(i)?, session.input_bytes_mut(i)?);
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
    observers: &'o mut [Observer],
}

impl Watcher for Watch<'_> {
    fn after(&mut self, step: &Step<'_>) {
        step.outputs(|tensor, kind: TensorType, _: Shape, bytes| {
            if let Some(observer) = self.observers.get_mut(tensor as usize) {
                observe(observer, self.number, kind, bytes);
            }
        });
    }
}

fn observe(observer: &mut Observer, number: usize, kind: TensorType, bytes: &[u8]) {
    if kind == TensorType::Float32 {
        observer.observe(number, &mut bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)));
    }
}
