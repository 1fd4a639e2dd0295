//! Calibration: runs a float model over samples, on the runtime's own kernels, and learns in which
//! range each activation lies.

mod samples;
mod statistic;

use indicatif::{ProgressBar, ProgressStyle};
use sedge_runtime::{Observer, Step, TensorType};

pub use samples::{Samples, floats};
pub use statistic::{MinMax, Range, Statistic};

use crate::Failure;
use crate::exec::{ExecOptions, ModelFile, with_session};
use crate::export::to_tflite;
use crate::graph::{Graph, TensorId};

/// The ranges of a graph's activations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranges(Vec<Option<Range>>);

impl Ranges {
    /// No ranges.
    pub fn new() -> Self {
        Self::default()
    }

    /// The range of `tensor`; `None` where it was never seen.
    pub fn get(&self, tensor: TensorId) -> Option<Range> {
        self.0.get(tensor.index()).copied().flatten()
    }

    /// Sets the range of `tensor`.
    pub fn set(&mut self, tensor: TensorId, range: Range) {
        if self.0.len() <= tensor.index() {
            self.0.resize(tensor.index() + 1, None);
        }
        self.0[tensor.index()] = Some(range);
    }
}

/// What calibration found.
#[derive(Clone, Debug)]
pub struct Calibration {
    /// The range of each activation.
    pub ranges: Ranges,
    /// How many samples were seen.
    pub samples: usize,
}

/// Runs `graph` over all samples, with a statistic made by `make` for each float activation.
///
/// # Errors
/// Where samples cannot be read or the graph cannot be run, where there are no samples, and where
/// an activation is not finite.
pub fn calibrate(
    graph: &Graph,
    samples: &Samples,
    make: &dyn Fn() -> Box<dyn Statistic>,
) -> Result<Calibration, Failure> {
    let file = ModelFile::from_bytes("the float model", &to_tflite(graph)?)?;
    let bar = progress();
    // The session's body may run twice, and fails with the runtime's errors only.
    let mut outcome = Err(Failure::new("the model was not run"));
    with_session(file.model()?, &ExecOptions::default(), |session| {
        bar.reset();
        let mut recorder = Recorder::new(graph.tensors().len(), make);
        let mut failed = None;
        let read = samples.each(&mut |inputs| {
            for (i, bytes) in inputs.iter().enumerate() {
                let run = session.input_bytes_mut(i).map(|input| {
                    let n = input.len().min(bytes.len());
                    input[..n].copy_from_slice(&bytes[..n]);
                });
                failed = failed.or(run.err());
                recorder.input(graph, i, bytes);
            }
            failed = failed.or(session.invoke_with(&mut recorder).err());
            bar.inc(1);
            failed.is_none()
        });
        if let Some(error) = failed {
            return Err(error);
        }
        outcome = read.and_then(|samples| Ok(Calibration { ranges: recorder.ranges(graph)?, samples }));
        Ok(())
    })?;
    bar.finish_and_clear();
    match outcome? {
        Calibration { samples: 0, .. } => Err(Failure::new("there are no calibration samples")
            .help("give a .npz or .npy file with samples, or a folder of such files")),
        calibration => Ok(calibration),
    }
}

/// A count of samples on the terminal; nothing where there is none.
fn progress() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    match ProgressStyle::with_template("{spinner} calibrating: {pos} samples, {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Shows each float activation to its statistic.
struct Recorder<'m> {
    statistics: Vec<Option<Box<dyn Statistic>>>,
    make: &'m dyn Fn() -> Box<dyn Statistic>,
}

impl<'m> Recorder<'m> {
    fn new(tensors: usize, make: &'m dyn Fn() -> Box<dyn Statistic>) -> Self {
        Self { statistics: (0..tensors).map(|_| None).collect(), make }
    }

    fn see(&mut self, tensor: usize, kind: TensorType, bytes: &[u8]) {
        let Some(statistic) = self.statistics.get_mut(tensor).filter(|_| kind == TensorType::Float32) else {
            return;
        };
        let values: Vec<f32> = bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
        statistic.get_or_insert_with(self.make).observe(&values);
    }

    fn input(&mut self, graph: &Graph, i: usize, bytes: &[u8]) {
        if let Some(&id) = graph.inputs.get(i) {
            self.see(id.index(), graph.tensor(id).tensor_type, bytes);
        }
    }

    fn ranges(&self, graph: &Graph) -> Result<Ranges, Failure> {
        let mut ranges = Ranges::new();
        for (id, tensor) in graph.tensors() {
            let Some(statistic) = self.statistics.get(id.index()).and_then(Option::as_ref) else { continue };
            if statistic.saw_other_than_finite() {
                return Err(Failure::new(format!("the activation '{}' is not always finite", tensor.name))
                    .help("the float model overflows or divides by zero on a calibration sample"));
            }
            if let Some(range) = statistic.range() {
                ranges.set(id, range);
            }
        }
        Ok(ranges)
    }
}

impl Observer for Recorder<'_> {
    fn after(&mut self, step: &Step<'_>) {
        step.outputs(|tensor, kind, _, bytes| self.see(tensor as usize, kind, bytes));
    }
}
