//! Arrays of `.npz` files.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use npyz::{DType, NpyHeader};

/// An array as it lies in an `.npy` file: little-endian, C order.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// NumPy's name of the type, such as `|i1` or `<f4`.
    pub kind: String,
    /// The dimensions, outermost first.
    pub shape: Vec<u64>,
    /// The elements' bytes.
    pub bytes: Vec<u8>,
}

impl Array {
    fn read(mut from: impl Read) -> std::io::Result<Self> {
        let header = NpyHeader::from_reader(&mut from)?;
        let DType::Plain(kind) = header.dtype() else { panic!("an array of records") };
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)?;
        Ok(Self { kind: kind.to_string(), shape: header.shape().to_vec(), bytes })
    }

    /// The elements of a float32 array.
    pub fn floats(&self) -> Vec<f32> {
        assert_eq!(self.kind, "<f4");
        self.bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }
}

/// All arrays of an `.npz` file by name.
///
/// # Panics
/// Where the file is not there or none of its kind.
pub fn read(path: impl AsRef<Path>) -> BTreeMap<String, Array> {
    let path = path.as_ref();
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut archive = npyz::npz::NpzArchive::new(file).expect("an npz file");
    let names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    let mut read = |name: &String| {
        let entry = archive.zip_archive().by_name(&format!("{name}.npy")).expect("the entry that was listed");
        Array::read(entry).expect("an npy array")
    };
    names.iter().map(|name| (name.clone(), read(name))).collect()
}
