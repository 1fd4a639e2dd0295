//! Calibration samples from files: `.npz` and `.npy`, one or a folder of them.

use std::fs;
use std::path::{Path, PathBuf};

use half::f16;
use sedge_runtime::{Shape, TensorType};

use crate::Failure;
use crate::data::{Array, Npz, parse_npy};
use crate::graph::Graph;

/// What one input of the model takes.
#[derive(Clone, Debug)]
struct Input {
    /// The tensor's name, and those that signatures give it.
    names: Vec<String>,
    tensor_type: TensorType,
    shape: Shape,
}

/// Samples for all inputs of a model. Files are read one after the other, each when its turn comes.
#[derive(Clone, Debug)]
pub struct Samples {
    files: Vec<PathBuf>,
    inputs: Vec<Input>,
}

impl Samples {
    /// The samples in `path`, a `.npz` or `.npy` file or a folder of these, for the inputs of `graph`.
    ///
    /// An array is one sample, of the input's shape, or several along its first dimension. The arrays
    /// of a `.npz` are found by the inputs' names, else taken in order; for a model with one input,
    /// `x` will do, whatever else is in the file.
    ///
    /// # Errors
    /// Where there is no such file, or a folder without any.
    pub fn open(path: &Path, graph: &Graph) -> Result<Self, Failure> {
        let name = path.display();
        let bad = |e| Failure::new(format!("cannot read the calibration data '{name}': {e}"));
        let files = if fs::metadata(path).map_err(bad)?.is_dir() {
            let mut files = Vec::new();
            for entry in fs::read_dir(path).map_err(bad)? {
                let file = entry.map_err(bad)?.path();
                if kind(&file).is_some() {
                    files.push(file);
                }
            }
            files.sort();
            files
        } else {
            vec![path.to_owned()]
        };
        if files.is_empty() {
            return Err(Failure::new(format!("the folder '{name}' has no .npy or .npz files")));
        }
        let input = |&id| {
            let tensor = graph.tensor(id);
            let named = graph.signatures.iter().flat_map(|s| &s.inputs).filter(|(_, i)| *i == id);
            let names = std::iter::once(tensor.name.clone()).chain(named.map(|(n, _)| n.clone())).collect();
            Input { names, tensor_type: tensor.tensor_type, shape: tensor.shape }
        };
        Ok(Self { files, inputs: graph.inputs.iter().map(input).collect() })
    }

    /// Calls `see` with the bytes of all inputs, for each sample, until it says `false`. Tells how
    /// many samples there were.
    ///
    /// # Errors
    /// Where a file cannot be read or does not fit the inputs.
    pub fn each(&self, see: &mut dyn FnMut(&[Vec<u8>]) -> bool) -> Result<usize, Failure> {
        let mut seen = 0;
        for file in &self.files {
            let arrays = self.arrays(file)?;
            let counts: Vec<usize> = self
                .inputs
                .iter()
                .zip(&arrays)
                .map(|(input, array)| input.count(file, array))
                .collect::<Result<_, _>>()?;
            let count = counts.first().copied().unwrap_or(0);
            if counts.iter().any(|&c| c != count) {
                return Err(Failure::new(format!(
                    "'{}' has different numbers of samples for the inputs: {counts:?}",
                    file.display()
                )));
            }
            let bytes: Vec<Vec<u8>> = self
                .inputs
                .iter()
                .zip(&arrays)
                .map(|(input, array)| input.bytes(file, array))
                .collect::<Result<_, _>>()?;
            for sample in 0..count {
                let part = |b: &Vec<u8>| {
                    let size = b.len() / count;
                    b[sample * size..(sample + 1) * size].to_vec()
                };
                seen += 1;
                if !see(&bytes.iter().map(part).collect::<Vec<_>>()) {
                    return Ok(seen);
                }
            }
        }
        Ok(seen)
    }

    /// The arrays of a file for the inputs, in their order.
    fn arrays(&self, file: &Path) -> Result<Vec<Array>, Failure> {
        let name = file.display();
        let arrays = match kind(file) {
            Some(Kind::Npy) => {
                let bytes = fs::read(file).map_err(|e| Failure::new(format!("cannot read '{name}': {e}")))?;
                vec![parse_npy(&bytes).map_err(|e| Failure::new(format!("cannot use '{name}': {e}")))?]
            }
            Some(Kind::Npz) => {
                let mut npz = Npz::open(file)?;
                let chosen = self.choose(npz.names().map(str::to_owned).collect());
                chosen.iter().map(|n| npz.array(n)).collect::<Result<_, _>>()?
            }
            None => {
                return Err(Failure::usage(format!("'{name}' is no calibration data"))
                    .help("samples are in .npz or .npy files, or in a folder of these"));
            }
        };
        if arrays.len() == self.inputs.len() {
            return Ok(arrays);
        }
        let names: Vec<_> = self.inputs.iter().filter_map(|i| i.names.first().cloned()).collect();
        Err(Failure::new(format!("'{name}' has {} arrays for {} inputs", arrays.len(), self.inputs.len()))
            .help(format!("write a .npz with an array for each input, called {}", names.join(", "))))
    }

    fn choose(&self, names: Vec<String>) -> Vec<String> {
        let find = |input: &Input| names.iter().find(|n| input.names.contains(n)).cloned();
        if let Some(by_name) = self.inputs.iter().map(find).collect() {
            return by_name;
        }
        if self.inputs.len() == 1 && names.iter().any(|n| n == "x") {
            return vec!["x".to_owned()];
        }
        names
    }
}

impl Input {
    /// How many samples an array holds.
    fn count(&self, file: &Path, array: &Array) -> Result<usize, Failure> {
        let elements = self.shape.elements();
        let first = array.shape().first().copied().unwrap_or(1);
        let total = array.elements();
        let whole = array.shape().iter().copied().eq(self.shape.dims().iter().map(|&d| d as usize));
        match (elements, first) {
            _ if whole => Ok(1),
            // Many, each without the dimension of the batch, or with it.
            (1.., 1..) if total.is_multiple_of(elements) && total / elements == first => Ok(first),
            (1.., 1..) if total.is_multiple_of(elements) && first.is_multiple_of(self.shape.dim(0)) => {
                Ok(total / elements)
            }
            (1.., _) if total == elements => Ok(1),
            _ => Err(Failure::new(format!(
                "'{}' holds an array of shape {:?}, the input '{}' takes {}",
                file.display(),
                array.shape(),
                self.names.first().map_or("", String::as_str),
                self.shape
            ))
            .help("samples lie along the first dimension, each of the input's shape")),
        }
    }

    fn bytes(&self, file: &Path, array: &Array) -> Result<Vec<u8>, Failure> {
        let found = array.tensor_type();
        if found == self.tensor_type {
            return Ok(array.bytes().to_vec());
        }
        let values = floats(array).filter(|_| self.tensor_type == TensorType::Float32);
        let values = values.ok_or_else(|| {
            let (name, wanted) = (file.display(), self.tensor_type);
            Failure::new(format!("'{name}' holds {found}, the input takes {wanted}"))
        })?;
        Ok(values.into_iter().flat_map(f32::to_le_bytes).collect())
    }
}

/// An array's numbers as float32; `None` for types that are no numbers.
pub fn floats(array: &Array) -> Option<Vec<f32>> {
    use TensorType as T;
    let bytes = array.bytes();
    macro_rules! each {
        ($t:ty, $to:expr) => {
            bytes.as_chunks().0.iter().map(|&b| $to(<$t>::from_le_bytes(b))).collect()
        };
    }
    Some(match array.tensor_type() {
        T::Float32 => array.to_f32()?,
        T::Float64 => each!(f64, |v| v as f32),
        T::Float16 => each!(f16, f16::to_f32),
        T::Int8 => each!(i8, f32::from),
        T::UInt8 => each!(u8, f32::from),
        T::Int16 => each!(i16, f32::from),
        T::UInt16 => each!(u16, f32::from),
        T::Int32 => each!(i32, |v| v as f32),
        T::UInt32 => each!(u32, |v| v as f32),
        T::Int64 => each!(i64, |v| v as f32),
        T::UInt64 => each!(u64, |v| v as f32),
        _ => return None,
    })
}

enum Kind {
    Npy,
    Npz,
}

fn kind(file: &Path) -> Option<Kind> {
    match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "npy" => Some(Kind::Npy),
        "npz" => Some(Kind::Npz),
        _ => None,
    }
}
