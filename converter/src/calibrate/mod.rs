//! Calibration: which values each tensor takes on sample data.
//!
//! ```text
//! samples -> float model on the interpreter's kernels -> observer of each tensor -> ranges
//! ```

mod observer;
mod samples;

use sedge_runtime::schema::{Shape, TensorType};
use sedge_runtime::{Error, Observer as Watcher, Session, Step};

pub use observer::{MinMax, Observer, Range};
pub use samples::Samples;

use crate::Failure;
use crate::exec::{ExecOptions, ModelFile, with_session};
use crate::export::to_tflite;
use crate::graph::{Graph, TensorId};
use crate::report::progress;

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

/// Runs the float model `graph` on all samples and observes every tensor.
///
/// # Errors
/// Where the model cannot be run, the samples do not fit it, or there are none.
pub fn calibrate(graph: &Graph, samples: &mut Samples) -> Result<Ranges, Failure> {
    let file = ModelFile::from_bytes("the float model", &to_tflite(graph)?)?;
    let model = file.model()?;
    if samples.is_empty() {
        return Err(Failure::new("there are no calibration samples").help("give some with --calibration"));
    }
    let bar = progress("calibrating", samples.len() as u64);
    let mut observers: Vec<MinMax> = vec![MinMax::default(); graph.tensors().len()];
    let mut unfit = None;
    with_session(model, &ExecOptions::default(), |session| {
        // A second call starts anew, in a larger arena.
        observers.iter_mut().for_each(|o| *o = MinMax::default());
        bar.reset();
        for index in 0..samples.len() {
            match samples.get(index).and_then(|sample| fill(session, &sample)) {
                Ok(()) => {}
                Err(failure) => {
                    unfit = Some(failure);
                    return Ok(());
                }
            }
            for i in 0..session.inputs() {
                let tensor = session.graph().inputs().get(i).and_then(|t| usize::try_from(t).ok());
                if let Some(observer) = tensor.and_then(|t| observers.get_mut(t)) {
                    observe(observer, session.input_type(i)?, session.input_bytes_mut(i)?);
                }
            }
            session.invoke_with(&mut Watch { observers: &mut observers })?;
            bar.inc(1);
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    match unfit {
        Some(failure) => Err(failure),
        None => Ok(Ranges(observers.iter().map(Observer::range).collect())),
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
    observers: &'o mut [MinMax],
}

impl Watcher for Watch<'_> {
    fn after(&mut self, step: &Step<'_>) {
        step.outputs(|tensor, kind: TensorType, _: Shape, bytes| {
            if let Some(observer) = self.observers.get_mut(tensor as usize) {
                observe(observer, kind, bytes);
            }
        });
    }
}

fn observe(observer: &mut MinMax, kind: TensorType, bytes: &[u8]) {
    if kind == TensorType::Float32 {
        observer.observe(&mut bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)));
    }
}
