//! Element types and constants of TensorFlow.

use half::{bf16, f16};
use sedge_schema::TensorType;

use super::proto::{TensorProto, TensorShapeProto};
use crate::Failure;
use crate::graph::float_bytes;

/// A type of `types.proto`, as the graph stores it: all floats have 32 bits there. `None` for those that it lacks.
pub(super) fn element_type(code: i32) -> Option<TensorType> {
    Some(match code {
        1 | 2 | 14 | 19 => TensorType::Float32,
        3 => TensorType::Int32,
        4 => TensorType::UInt8,
        5 => TensorType::Int16,
        6 => TensorType::Int8,
        9 => TensorType::Int64,
        10 => TensorType::Bool,
        _ => return None,
    })
}

/// The bytes of one element as TensorFlow stores it.
fn stored_size(code: i32) -> Option<usize> {
    Some(match code {
        1 | 3 => 4,
        2 | 9 => 8,
        4 | 6 | 10 => 1,
        5 | 14 | 19 => 2,
        _ => return None,
    })
}

/// A constant's type, dimensions and little-endian bytes, as the graph stores them.
#[derive(Clone, Debug)]
pub(super) struct Constant {
    pub(super) tensor_type: TensorType,
    pub(super) dims: Vec<usize>,
    pub(super) bytes: Vec<u8>,
}

/// The dimensions of a shape without open ones.
pub(super) fn dims(shape: Option<&TensorShapeProto>) -> Result<Vec<usize>, Failure> {
    let Some(shape) = shape else { return Ok(Vec::new()) };
    let dims: Option<Vec<usize>> = shape.dim.iter().map(|d| usize::try_from(d.size).ok()).collect();
    dims.filter(|_| !shape.unknown_rank).ok_or_else(|| Failure::new("a constant's shape is open"))
}

/// How many bytes a tensor has in TensorFlow's files.
pub(super) fn stored_bytes(code: i32, dims: &[usize]) -> Option<usize> {
    dims.iter().try_fold(stored_size(code)?, |n, &d| n.checked_mul(d))
}

/// A constant of these bytes, as TensorFlow stores them.
pub(super) fn from_stored(code: i32, dims: Vec<usize>, bytes: &[u8]) -> Result<Constant, Failure> {
    let unknown = || Failure::new(format!("its elements are of TensorFlow's type {code}"));
    let tensor_type = element_type(code).ok_or_else(unknown)?;
    if stored_bytes(code, &dims) != Some(bytes.len()) {
        return Err(Failure::new(format!("{} bytes are not a tensor of the shape {dims:?}", bytes.len())));
    }
    let halves = || bytes.as_chunks().0.iter().map(|&b| u16::from_le_bytes(b));
    let bytes = match code {
        2 => {
            let values = bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b) as f32);
            float_bytes(&values.collect::<Vec<_>>()).to_vec()
        }
        14 => float_bytes(&halves().map(|h| bf16::from_bits(h).to_f32()).collect::<Vec<_>>()).to_vec(),
        19 => float_bytes(&halves().map(|h| f16::from_bits(h).to_f32()).collect::<Vec<_>>()).to_vec(),
        _ => bytes.to_vec(),
    };
    Ok(Constant { tensor_type, dims, bytes })
}

/// The constant of a `Const` node. The last of its listed values stands for all that are left out.
pub(super) fn constant(proto: &TensorProto) -> Result<Constant, Failure> {
    let code = proto.dtype;
    let dims = dims(proto.shape.as_ref())?;
    if !proto.content.is_empty() {
        return from_stored(code, dims, &proto.content);
    }
    let too_large = || Failure::new(format!("a constant of the shape {dims:?} is too large"));
    let wanted = stored_bytes(code, &dims).filter(|&n| n <= MAX_FILLED).ok_or_else(too_large)?;
    fn le<const N: usize, T: Copy>(values: &[T], bytes: fn(T) -> [u8; N]) -> Vec<u8> {
        values.iter().flat_map(|&v| bytes(v)).collect()
    }
    let mut bytes = match code {
        1 => le(&proto.float_val, f32::to_le_bytes),
        2 => le(&proto.double_val, f64::to_le_bytes),
        3 => le(&proto.int_val, i32::to_le_bytes),
        4 | 6 => le(&proto.int_val, |v| [v as u8]),
        5 => le(&proto.int_val, |v| (v as i16).to_le_bytes()),
        9 => le(&proto.int64_val, i64::to_le_bytes),
        10 => le(&proto.bool_val, |v| [v.into()]),
        _ => le(&proto.half_val, |v| (v as u16).to_le_bytes()),
    };
    let size = stored_size(code).unwrap_or(1);
    let last = bytes.rchunks(size).next().map_or(vec![0; size], <[u8]>::to_vec);
    while bytes.len() < wanted {
        bytes.extend_from_slice(&last);
    }
    from_stored(code, dims, &bytes)
}

/// The most bytes of a constant that is written down as one value for all elements.
const MAX_FILLED: usize = 1 << 28;
