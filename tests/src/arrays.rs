//! Arrays of `.npz` files.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use npyz::{NpyHeader, TypeChar};

/// An array: its shape, its bytes in C order, and how to read them.
#[derive(Clone, Debug)]
pub struct Array {
    /// The dimensions, outermost first.
    pub shape: Vec<u32>,
    /// Whether elements are floats, or complex numbers: pairs of floats.
    pub is_float: bool,
    /// Whether elements are integers with a sign.
    pub is_signed: bool,
    /// Bytes of one element, or of either part of a complex one.
    pub size: usize,
    /// The elements, little-endian.
    pub bytes: Vec<u8>,
}

impl Array {
    /// The array in the bytes of an `.npy` file.
    pub fn read(mut npy: &[u8]) -> Self {
        let header = NpyHeader::from_reader(&mut npy).expect("a header");
        let dtype = header.dtype();
        let npyz::DType::Plain(kind) = &dtype else { panic!("{dtype:?} is no plain type") };
        assert_eq!(header.order(), npyz::Order::C);
        let size = dtype.num_bytes().expect("a fixed size");
        let is_complex = kind.type_char() == TypeChar::Complex;
        Self {
            shape: header.shape().iter().map(|&d| d as u32).collect(),
            is_float: is_complex || kind.type_char() == TypeChar::Float,
            is_signed: kind.type_char() == TypeChar::Int,
            size: if is_complex { size / 2 } else { size },
            bytes: npy.to_vec(),
        }
    }

    /// The elements as the 8-, 16-, 32- or 64-bit integers that they are, or the bits that hold them.
    pub fn integers(&self) -> Vec<i128> {
        let element = |e: &[u8]| {
            let bits = e.iter().rev().fold(0i128, |bits, &byte| bits << 8 | i128::from(byte));
            let top = 1 << (8 * self.size - 1);
            if self.is_signed && bits & top != 0 { bits - 2 * top } else { bits }
        };
        self.bytes.chunks_exact(self.size).map(element).collect()
    }

    /// The elements as numbers; floats of 32 and 64 bits, or integers.
    pub fn numbers(&self) -> Vec<f64> {
        match (self.is_float, self.size) {
            (true, 4) => self.elements(|e| f32::from_le_bytes(e).into()),
            (true, 8) => self.elements(f64::from_le_bytes),
            _ => self.integers().into_iter().map(|x| x as f64).collect(),
        }
    }

    fn elements<const N: usize, T>(&self, f: impl Fn([u8; N]) -> T) -> Vec<T> {
        self.bytes.as_chunks::<N>().0.iter().map(|&e| f(e)).collect()
    }

    /// The same array with other bytes.
    pub fn with_bytes(&self, bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), ..self.clone() }
    }

    /// How many elements of `found` lie further from those of `self` than `absolute + relative *
    /// |self|`, and one of them; not-a-number is near itself. Both arrays must have the same type.
    pub fn differences(&self, found: &Self, absolute: f64, relative: f64) -> Option<(usize, String)> {
        if self.bytes.len() != found.bytes.len() {
            return Some((usize::MAX, format!("{} bytes, not {}", found.bytes.len(), self.bytes.len())));
        }
        let apart = |want: f64, got: f64| {
            let near = (got - want).abs() <= absolute + relative * want.abs();
            !(near || want == got || (want.is_nan() && got.is_nan()))
        };
        let exact = absolute == 0.0 && relative == 0.0 && !self.is_float;
        let all: Vec<(f64, f64, bool)> = if exact {
            let pairs = self.integers().into_iter().zip(found.integers());
            pairs.map(|(a, b)| (a as f64, b as f64, a != b)).collect()
        } else {
            let pairs = self.numbers().into_iter().zip(found.numbers());
            pairs.map(|(a, b)| (a, b, apart(a, b))).collect()
        };
        let first = all.iter().enumerate().find(|(_, e)| e.2)?;
        let (i, (want, got, _)) = first;
        Some((all.iter().filter(|e| e.2).count(), format!("element {i} is {got}, not {want}")))
    }
}

/// The arrays of an `.npz` file by their names.
pub fn npz(bytes: &[u8]) -> BTreeMap<String, Array> {
    let mut archive = npyz::npz::NpzArchive::new(Cursor::new(bytes)).expect("a zip file");
    let zip = archive.zip_archive();
    let mut arrays = BTreeMap::new();
    for i in 0..zip.len() {
        let mut file = zip.by_index(i).expect("an entry");
        let name = file.name().trim_end_matches(".npy").to_owned();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("an array");
        arrays.insert(name, Array::read(&bytes));
    }
    arrays
}

/// The arrays `t0.in0, t0.in1, ..., t1.in0, ...` by step.
pub fn steps(arrays: &BTreeMap<String, Array>, kind: &str) -> Vec<Vec<Array>> {
    let step = |t: usize| -> Vec<Array> {
        (0..).map_while(|i| arrays.get(&format!("t{t}.{kind}{i}")).cloned()).collect()
    };
    (0..).map(step).take_while(|step| !step.is_empty()).collect()
}
