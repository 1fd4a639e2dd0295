//! Constants of an ONNX file: their types, and their bytes, in the file or beside it.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path};

use sedge_schema::TensorType;

use super::proto::TensorProto;
use crate::Failure;

/// The most bytes of a constant that lies in a file of its own: the format's own limit for a model.
const MAX_EXTERNAL: u64 = 1 << 31;

/// The element type that ONNX calls `code` (`TensorProto.DataType`); `None` for those that Sedge lacks.
pub(super) fn element_type(code: i32) -> Option<TensorType> {
    Some(match code {
        1 => TensorType::Float32,
        2 => TensorType::UInt8,
        3 => TensorType::Int8,
        4 => TensorType::UInt16,
        5 => TensorType::Int16,
        6 => TensorType::Int32,
        7 => TensorType::Int64,
        9 => TensorType::Bool,
        10 => TensorType::Float16,
        11 => TensorType::Float64,
        12 => TensorType::UInt32,
        13 => TensorType::UInt64,
        16 => TensorType::BFloat16,
        _ => return None,
    })
}

/// A constant's type, dimensions and little-endian bytes.
pub(super) struct Constant {
    pub(super) tensor_type: TensorType,
    pub(super) dims: Vec<usize>,
    pub(super) bytes: Vec<u8>,
}

/// The constant that `proto` is; values in another file are read from `folder`, where the model lies.
///
/// # Errors
/// Where type or dimensions are none, the values do not fit them, or a file cannot be read.
pub(super) fn constant(proto: &TensorProto, folder: Option<&Path>) -> Result<Constant, Failure> {
    let name = &proto.name;
    let code = proto.data_type;
    let tensor_type = element_type(code)
        .ok_or_else(|| Failure::new(format!("the constant '{name}' has elements of ONNX type {code}")))?;
    let dims: Option<Vec<usize>> = proto.dims.iter().map(|&d| usize::try_from(d).ok()).collect();
    let dims = dims.ok_or_else(|| Failure::new(format!("the constant '{name}' has a negative size")))?;
    let elements = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    let wanted = elements.and_then(|n| tensor_type.bytes(n));
    let wanted = wanted.ok_or_else(|| Failure::new(format!("the constant '{name}' is too large")))?;
    let bytes = if proto.data_location == 1 {
        external(proto, folder, wanted)?
    } else if !proto.raw_data.is_empty() {
        proto.raw_data.clone()
    } else {
        listed(proto, tensor_type)
    };
    if bytes.len() != wanted {
        let found = bytes.len();
        return Err(Failure::new(format!("the constant '{name}' needs {wanted} bytes and has {found}"))
            .help("make sure that the file was copied whole"));
    }
    Ok(Constant { tensor_type, dims, bytes })
}

/// The bytes of values that are listed one by one; smaller types stand in the list of 32-bit integers.
fn listed(proto: &TensorProto, tensor_type: TensorType) -> Vec<u8> {
    let ints = &proto.int32_data;
    match tensor_type {
        TensorType::Float32 => proto.float_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        TensorType::Float64 => proto.double_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        TensorType::Int64 => proto.int64_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        TensorType::UInt64 => proto.uint64_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        TensorType::UInt32 => proto.uint64_data.iter().flat_map(|&v| (v as u32).to_le_bytes()).collect(),
        TensorType::Int32 => ints.iter().flat_map(|v| v.to_le_bytes()).collect(),
        TensorType::Int8 | TensorType::UInt8 | TensorType::Bool => ints.iter().map(|&v| v as u8).collect(),
        _ => ints.iter().flat_map(|&v| (v as u16).to_le_bytes()).collect(),
    }
}

/// The bytes of values that lie in a file in the model's folder or below it.
fn external(proto: &TensorProto, folder: Option<&Path>, wanted: usize) -> Result<Vec<u8>, Failure> {
    let name = &proto.name;
    let of = |key: &str| proto.external_data.iter().find(|e| e.key == key).map(|e| e.value.as_str());
    let location = of("location").unwrap_or_default();
    let refused = |why: &str| {
        Failure::new(format!("the constant '{name}' lies in '{location}', {why}"))
            .help("keep the files with a model's weights in the model's own folder")
    };
    let path = Path::new(location);
    if location.is_empty() || !path.components().all(|c| matches!(c, Component::Normal(_))) {
        return Err(refused("which is not inside the model's folder"));
    }
    let folder = folder.ok_or_else(|| refused("and the model comes without a folder"))?;
    let read = |error: std::io::Error| refused("which cannot be read").cause(error);
    let number = |key: &str, otherwise: u64| match of(key) {
        Some(text) => text.trim().parse().map_err(|_| refused("at a place that is no number")),
        None => Ok(otherwise),
    };
    let (offset, length) = (number("offset", 0)?, number("length", wanted as u64)?);
    if length != wanted as u64 || length > MAX_EXTERNAL {
        return Err(refused(&format!("with {length} bytes where its shape needs {wanted}")));
    }
    // A link may lead out of the folder all the same.
    let (root, target) =
        (folder.canonicalize().map_err(read)?, folder.join(path).canonicalize().map_err(read)?);
    if !target.starts_with(&root) {
        return Err(refused("which leads out of the model's folder"));
    }
    let mut file = File::open(target).map_err(read)?;
    let size = file.metadata().map_err(read)?.len();
    if offset.checked_add(length).is_none_or(|end| end > size) {
        return Err(refused("which is too short for it"));
    }
    file.seek(SeekFrom::Start(offset)).map_err(read)?;
    let mut bytes = vec![0; wanted];
    file.read_exact(&mut bytes).map_err(read)?;
    Ok(bytes)
}
