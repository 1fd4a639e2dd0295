//! `.npy` files: a short text header, then the elements.
//!
//! The header is `\x93NUMPY`, two bytes of version, the length of the text and the text: a Python
//! dictionary with `descr`, `fortran_order` and `shape`, in any order. It is read here without
//! recursion and with bounded memory, because files come from anywhere. Source: NumPy's
//! `numpy.lib.format`.

use sedge_runtime::TensorType as T;

use super::array::{Array, checked_elements};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Type strings without the byte order, and what they stand for.
const TYPES: &[(&str, T)] = &[
    ("b1", T::Bool),
    ("i1", T::Int8),
    ("u1", T::UInt8),
    ("i2", T::Int16),
    ("u2", T::UInt16),
    ("i4", T::Int32),
    ("u4", T::UInt32),
    ("i8", T::Int64),
    ("u8", T::UInt64),
    ("f2", T::Float16),
    ("f4", T::Float32),
    ("f8", T::Float64),
    ("c8", T::Complex64),
    ("c16", T::Complex128),
];

struct Header {
    tensor_type: T,
    big_endian: bool,
    fortran: bool,
    shape: Vec<usize>,
}

/// Reads an array from the bytes of a file.
///
/// # Errors
/// What is wrong with the file.
pub fn parse(file: &[u8]) -> Result<Array, String> {
    let rest = file.strip_prefix(MAGIC).ok_or("it is not a .npy file")?;
    let (version, rest) = rest.split_first_chunk::<2>().ok_or("it ends within its header")?;
    let (length, rest) = match version[0] {
        1 => rest
            .split_first_chunk()
            .map(|(n, rest)| (usize::from(u16::from_le_bytes(*n)), rest))
            .ok_or("it ends within its header")?,
        2 | 3 => rest
            .split_first_chunk()
            .map(|(n, rest)| (u32::from_le_bytes(*n) as usize, rest))
            .ok_or("it ends within its header")?,
        v => return Err(format!("its format version {v} is not known")),
    };
    let (text, data) = rest.split_at_checked(length).ok_or("it ends within its header")?;
    let text = std::str::from_utf8(text).map_err(|_| "its header is no text")?;
    let header = parse_header(text)?;
    let elements = checked_elements(&header.shape).ok_or("its shape is too large")?;
    let needed = header.tensor_type.bytes(elements).ok_or("its shape is too large")?;
    let Some(data) = data.get(..needed) else {
        return Err(format!("it holds {} bytes of data, its shape needs {needed}", data.len()));
    };
    let mut bytes = data.to_vec();
    let size = header.tensor_type.bits() / 8;
    if header.big_endian {
        let complex = matches!(header.tensor_type, T::Complex64 | T::Complex128);
        bytes.chunks_exact_mut(if complex { size / 2 } else { size }).for_each(<[u8]>::reverse);
    }
    if header.fortran {
        bytes = to_c_order(&bytes, &header.shape, size);
    }
    if header.tensor_type == T::Bool {
        bytes.iter_mut().for_each(|b| *b = u8::from(*b != 0));
    }
    Array::new(header.tensor_type, header.shape, bytes).ok_or_else(|| "its shape is too large".to_owned())
}

fn parse_header(text: &str) -> Result<Header, String> {
    let bad = |what: &str| format!("its header has no readable '{what}'");
    let descr = value(text, "descr").and_then(quoted);
    let descr = descr.ok_or("its elements are records, not numbers")?;
    let (order, kind) = match descr.split_at_checked(1) {
        Some((order @ ("<" | ">" | "|" | "="), kind)) => (order, kind),
        _ => ("|", descr),
    };
    let known = TYPES.iter().find(|(name, _)| *name == kind);
    let &(_, tensor_type) = known.ok_or_else(|| format!("its element type '{descr}' is not supported"))?;
    let fortran = match value(text, "fortran_order") {
        Some(v) if v.starts_with("True") => true,
        Some(v) if v.starts_with("False") => false,
        _ => return Err(bad("fortran_order")),
    };
    let tuple = value(text, "shape").and_then(|v| v.strip_prefix('(')).and_then(|v| v.split_once(')'));
    let (dims, _) = tuple.ok_or_else(|| bad("shape"))?;
    let dims = dims.split(',').map(|d| d.trim().trim_end_matches('L')).filter(|d| !d.is_empty());
    let shape: Result<Vec<usize>, _> = dims.map(str::parse).collect();
    let shape = shape.map_err(|_| bad("shape"))?;
    if shape.len() > 32 {
        return Err(bad("shape"));
    }
    Ok(Header { tensor_type, big_endian: order == ">", fortran, shape })
}

/// What follows `'key':` in the text of a dictionary.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let quoted = ['\'', '"'].map(|q| format!("{q}{key}{q}"));
    let (_, rest) = quoted.iter().find_map(|k| text.split_once(k.as_str()))?;
    Some(rest.trim_start().strip_prefix(':')?.trim_start())
}

/// The string that `text` starts with.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|&q| q == '\'' || q == '"')?;
    text.get(1..)?.split_once(quote).map(|(string, _)| string)
}

/// Elements of `size` bytes with the first dimension varying fastest, put into C order.
fn to_c_order(bytes: &[u8], shape: &[usize], size: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = vec![0usize; shape.len()];
    for _ in 0..bytes.len() / size.max(1) {
        let at = index.iter().zip(shape).rev().fold(0, |at, (&i, &dim)| at * dim + i);
        out.extend_from_slice(bytes.get(at * size..).and_then(|b| b.get(..size)).unwrap_or_default());
        for (i, &dim) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < dim {
                break;
            }
            *i = 0;
        }
    }
    out
}

/// The bytes of a file that holds `array`.
pub fn to_bytes(array: &Array) -> Vec<u8> {
    let kind = TYPES.iter().find(|(_, t)| *t == array.tensor_type()).map_or("V1", |(name, _)| name);
    let order = if array.tensor_type().bits() > 8 { '<' } else { '|' };
    let dims: String = match array.shape() {
        [one] => format!("{one},"),
        dims => dims.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
    };
    let mut text = format!("{{'descr': '{order}{kind}', 'fortran_order': False, 'shape': ({dims}), }}");
    // The data starts at a multiple of 64.
    let before = MAGIC.len() + 2 + 2;
    let padding = (before + text.len() + 1).next_multiple_of(64) - (before + text.len() + 1);
    text.extend(std::iter::repeat_n(' ', padding));
    text.push('\n');
    let mut file = [MAGIC, &[1, 0], &(text.len() as u16).to_le_bytes(), text.as_bytes()].concat();
    file.extend_from_slice(array.bytes());
    file
}

#[cfg(test)]
mod tests {
    use sedge_runtime::TensorType as T;

    use super::{parse, to_bytes};
    use crate::data::Array;

    fn file(text: &str, data: &[u8]) -> Vec<u8> {
        let mut out = b"\x93NUMPY\x01\x00".to_vec();
        out.extend((text.len() as u16).to_le_bytes());
        out.extend(text.as_bytes());
        out.extend(data);
        out
    }

    #[test]
    fn arrays_come_back_as_they_were() {
        for shape in [vec![], vec![6], vec![2, 3], vec![0, 4]] {
            let bytes = vec![7; 2 * shape.iter().product::<usize>()];
            let array = Array::new(T::Int16, shape, bytes).unwrap();
            let file = to_bytes(&array);
            assert_eq!((file.len() - array.bytes().len()) % 64, 0);
            assert_eq!(parse(&file), Ok(array));
        }
    }

    #[test]
    fn other_orders_are_put_right() {
        let text = "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }";
        let array = parse(&file(text, &[0, 1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6])).unwrap();
        assert_eq!(array.shape(), [2, 3]);
        assert_eq!(array.bytes(), [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]);
    }

    #[test]
    fn broken_files_are_refused() {
        let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
        assert!(parse(&file(good, &[0; 8])).is_ok());
        for cut in 0..file(good, &[0; 8]).len() {
            assert!(parse(&file(good, &[0; 8])[..cut]).is_err(), "cut at {cut}");
        }
        for text in [
            "{'descr': '<U4', 'fortran_order': False, 'shape': (2,), }",
            "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }",
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 99999999999, 99999999999), }",
            "{'descr': '<f4', 'shape': (2,), }",
            "",
        ] {
            assert!(parse(&file(text, &[0; 8])).is_err(), "{text}");
        }
    }
}
