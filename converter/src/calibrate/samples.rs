//! Sample data for a model's inputs, read one sample at a time.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Failure;
use crate::data::{Array, Npz, parse_npy};

/// The name that arrays of samples have where they are not named as the model's input.
const USUAL_NAME: &str = "x";

/// Samples from files: an `.npz` whose arrays count samples in their first dimension, or a folder of
/// such files and of `.npy` files.
#[derive(Debug)]
pub struct Samples {
    /// For each batch one array per input, all with the same first dimension.
    batches: Vec<Batch>,
    /// The index of the first sample of each batch, and the number of all.
    starts: Vec<usize>,
    /// The batch that was read last.
    last: Option<(usize, Vec<Array>)>,
    inputs: Vec<String>,
}

#[derive(Debug)]
enum Batch {
    Memory(Vec<Array>),
    File(PathBuf),
}

impl Samples {
    /// The samples in `path` for inputs of these names.
    ///
    /// # Errors
    /// Where there are none, or the arrays do not belong together.
    pub fn open(path: &Path, inputs: &[String]) -> Result<Self, Failure> {
        let mut files = vec![path.to_owned()];
        if path.is_dir() {
            let bad = |e| Failure::new(format!("cannot read the folder '{}': {e}", path.display()));
            let entries = fs::read_dir(path).map_err(bad)?.collect::<Result<Vec<_>, _>>().map_err(bad)?;
            files = entries.into_iter().map(|e| e.path()).filter(|p| is_data(p)).collect();
            files.sort();
        }
        let mut samples = Self::empty(inputs);
        for file in files {
            let count = count(&read(&file, inputs)?, &file)?;
            samples.push(Batch::File(file), count);
        }
        if samples.is_empty() {
            return Err(Failure::new(format!("'{}' holds no samples", path.display()))
                .help("give an .npz file, or a folder with .npy or .npz files"));
        }
        Ok(samples)
    }

    /// Samples that are in memory: one array per input.
    ///
    /// # Errors
    /// Where the arrays do not have the same first dimension.
    pub fn of(arrays: Vec<Array>, inputs: &[String]) -> Result<Self, Failure> {
        let mut samples = Self::empty(inputs);
        let count = count(&arrays, Path::new("the data"))?;
        samples.push(Batch::Memory(arrays), count);
        Ok(samples)
    }

    fn empty(inputs: &[String]) -> Self {
        Self { batches: Vec::new(), starts: vec![0], last: None, inputs: inputs.to_vec() }
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
                Some(Batch::File(path)) => read(path, &self.inputs)?,
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

fn is_data(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "npy" || e == "npz")
}

/// The arrays of one file, one for each input.
fn read(path: &Path, inputs: &[String]) -> Result<Vec<Array>, Failure> {
    let name = path.display();
    if path.extension().is_some_and(|e| e == "npy") {
        let bytes = fs::read(path).map_err(|e| Failure::new(format!("cannot read '{name}': {e}")))?;
        let array = parse_npy(&bytes).map_err(|e| Failure::new(format!("cannot read '{name}': {e}")))?;
        return if inputs.len() == 1 {
            Ok(vec![array])
        } else {
            Err(Failure::new(format!("'{name}' holds one array, the model has {} inputs", inputs.len()))
                .help("put one array for each input into an .npz file, under the inputs' names"))
        };
    }
    let mut npz = Npz::open(path)?;
    let names: Vec<String> = npz.names().map(str::to_owned).collect();
    let chosen: Vec<String> = if inputs.iter().all(|i| names.contains(i)) {
        inputs.to_vec()
    } else if inputs.len() == 1 && names.iter().any(|n| n == USUAL_NAME) {
        vec![USUAL_NAME.to_owned()]
    } else if names.len() == inputs.len() {
        names
    } else {
        return Err(Failure::new(format!(
            "'{name}' has the arrays {}, the model's inputs are {}",
            names.join(", "),
            inputs.join(", ")
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
