//! Sample data for a model's inputs, read one sample at a time.

use std::fs;
use std::path::{Path, PathBuf};

use sedge_runtime::schema::Shape;

use crate::Failure;
use crate::data::{Array, Npz, Scaling, parse_npy, picture_sample, sound_windows};
use crate::graph::{Graph, TensorId};

/// The name that arrays of samples have where they are not named as the model's input.
const USUAL_NAME: &str = "x";

/// Samples from files: an `.npz` whose arrays count samples in their first dimension, or a folder of such files, of `.npy`
/// files, pictures and sounds.
#[derive(Debug)]
pub struct Samples {
    /// For each batch one array per input, all with the same first dimension.
    batches: Vec<Batch>,
    /// The index of the first sample of each batch, and the number of all.
    starts: Vec<usize>,
    /// The batch that was read last.
    last: Option<(usize, Vec<Array>)>,
    spec: SampleSpec,
}

/// What samples are for.
#[derive(Clone, Debug, Default)]
pub struct SampleSpec {
    /// Name and shape of each input.
    pub inputs: Vec<(String, Shape)>,
    /// How pictures become real values.
    pub scaling: Scaling,
}

impl SampleSpec {
    /// For the inputs of a graph.
    pub fn of(graph: &Graph) -> Self {
        let input = |&t: &TensorId| (graph.tensor(t).name.clone(), graph.tensor(t).shape);
        Self { inputs: graph.inputs.iter().map(input).collect(), scaling: Scaling::default() }
    }

    /// The shape of the only input.
    fn only(&self, what: &str) -> Result<&Shape, Failure> {
        match self.inputs.as_slice() {
            [(_, shape)] => Ok(shape),
            inputs => Err(Failure::new(format!("{what} is one input, the model has {}", inputs.len()))
                .help("put one array for each input into an .npz file, under the inputs' names")),
        }
    }
}

#[derive(Debug)]
enum Batch {
    Memory(Vec<Array>),
    File(PathBuf),
}

impl Samples {
    /// The samples in `path`: a file, or all files of a folder in the order of their names. Each picture is a sample, each
    /// window of a sound is one.
    ///
    /// # Errors
    /// Where there are none, or the arrays do not belong together.
    pub fn open(path: &Path, spec: &SampleSpec) -> Result<Self, Failure> {
        let mut files = vec![path.to_owned()];
        if path.is_dir() {
            let bad = |e| Failure::new(format!("cannot read the folder '{}': {e}", path.display()));
            let entries = fs::read_dir(path).map_err(bad)?.collect::<Result<Vec<_>, _>>().map_err(bad)?;
            files = entries.into_iter().map(|e| e.path()).filter(|p| kind(p).is_some()).collect();
            files.sort();
        }
        let mut samples = Self::empty(spec.clone());
        for file in files {
            // A picture is one sample, and is read when that is asked for.
            let count =
                if kind(&file) == Some(Kind::Picture) { 1 } else { count(&read(&file, spec)?, &file)? };
            samples.push(Batch::File(file), count);
        }
        if samples.is_empty() {
            return Err(Failure::new(format!("'{}' holds no samples", path.display()))
                .help("give an .npz file, or a folder with .npy, .npz, .png, .jpg, .bmp or .wav files"));
        }
        Ok(samples)
    }

    /// Samples that are in memory: one array per input.
    ///
    /// # Errors
    /// Where the arrays do not have the same first dimension.
    pub fn of(arrays: Vec<Array>) -> Result<Self, Failure> {
        let mut samples = Self::empty(SampleSpec::default());
        let count = count(&arrays, Path::new("the data"))?;
        samples.push(Batch::Memory(arrays), count);
        Ok(samples)
    }

    fn empty(spec: SampleSpec) -> Self {
        Self { batches: Vec::new(), starts: vec![0], last: None, spec }
    }

    fn push(&mut self, batch: Batch, count: usize) {
        let end = self.len();
        self.batches.push(batch);
        self.starts.push(end + count);
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.starts.last().copied().unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values of sample `index` for each input.
    ///
    /// # Errors
    /// Where its file cannot be read any more, or does not hold float32.
    pub fn get(&mut self, index: usize) -> Result<Vec<Vec<f32>>, Failure> {
        let batch = self.starts.partition_point(|&start| start <= index).saturating_sub(1);
        let within = index - self.starts.get(batch).copied().unwrap_or(0);
        if self.last.as_ref().is_none_or(|(b, _)| *b != batch) {
            let arrays = match self.batches.get(batch) {
                Some(Batch::Memory(arrays)) => arrays.clone(),
                Some(Batch::File(path)) => read(path, &self.spec)?,
                None => return Err(Failure::new(format!("there is no sample {index}"))),
            };
            self.last = Some((batch, arrays));
        }
        let arrays = self.last.iter().flat_map(|(_, arrays)| arrays);
        let values = |array: &Array| {
            array.sample(within).and_then(|a| a.to_f32()).ok_or_else(|| {
                Failure::new(format!("calibration data holds {}, float32 is needed", array.tensor_type()))
                    .help("save it with .astype('float32'), scaled as in training")
            })
        };
        arrays.map(values).collect()
    }
}

/// What a file holds, by its name.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Array,
    Archive,
    Picture,
    Sound,
}

fn kind(path: &Path) -> Option<Kind> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match extension.as_str() {
        "npy" => Kind::Array,
        "npz" => Kind::Archive,
        "png" | "jpg" | "jpeg" | "bmp" => Kind::Picture,
        "wav" => Kind::Sound,
        _ => return None,
    })
}

/// The arrays of one file, one for each input.
fn read(path: &Path, spec: &SampleSpec) -> Result<Vec<Array>, Failure> {
    let name = path.display();
    let inputs = &spec.inputs;
    match kind(path) {
        Some(Kind::Picture) => {
            return Ok(vec![picture_sample(path, spec.only("a picture")?, &spec.scaling)?]);
        }
        Some(Kind::Sound) => return Ok(vec![sound_windows(path, spec.only("a sound")?)?]),
        Some(Kind::Array) => {
            spec.only("an .npy file")?;
            let bytes = fs::read(path).map_err(|e| Failure::new(format!("cannot read '{name}': {e}")))?;
            let array = parse_npy(&bytes).map_err(|e| Failure::new(format!("cannot read '{name}': {e}")))?;
            return Ok(vec![array]);
        }
        Some(Kind::Archive) | None => {}
    }
    let mut npz = Npz::open(path)?;
    let names: Vec<String> = npz.names().map(str::to_owned).collect();
    let chosen: Vec<String> = if inputs.iter().all(|(i, _)| names.contains(i)) {
        inputs.iter().map(|(name, _)| name.clone()).collect()
    } else if inputs.len() == 1 && names.iter().any(|n| n == USUAL_NAME) {
        vec![USUAL_NAME.to_owned()]
    } else if names.len() == inputs.len() {
        names
    } else {
        let wanted: Vec<&str> = inputs.iter().map(|(name, _)| name.as_str()).collect();
        return Err(Failure::new(format!(
            "'{name}' has the arrays {}, the model's inputs are {}",
            names.join(", "),
            wanted.join(", ")
        ))
        .help("name the arrays as the inputs, or the only one 'x'"));
    };
    chosen.iter().map(|n| npz.array(n)).collect()
}

/// The samples that these arrays count.
fn count(arrays: &[Array], path: &Path) -> Result<usize, Failure> {
    let counts: Vec<usize> = arrays.iter().map(|a| a.shape().first().copied().unwrap_or(0)).collect();
    match counts.first() {
        Some(&count) if counts.iter().all(|&c| c == count) => Ok(count),
        _ => Err(Failure::new(format!(
            "the arrays of '{}' do not have the same number of samples",
            path.display()
        ))
        .help("the first dimension of every array counts samples")),
    }
}
