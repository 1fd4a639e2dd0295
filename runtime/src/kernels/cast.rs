//! CAST: `out = in` as another type. Integers keep their lowest bits; floats lose their fraction, and
//! those beyond an integer's range become its nearest end (no number: its largest); bool is whether a
//! value is not 0; of complex numbers the real part counts. Source: LiteRT's `cast.cc`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Cast, Node as _};
use sedge_schema::{Refusal, Slot, TensorType};

use super::shared::{INPUT, OUTPUT, element_bytes, half};
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element types' codes, and the bytes of an element.
    from: i32,
    to: i32,
    from_bytes: u32,
    to_bytes: u32,
}

fn check(node: &Prepare<'_>, slot: Slot) -> Result<(i32, u32), Refusal> {
    let kind = node.tensor_type(slot)?;
    let known = Values::read(kind, &[]).is_some();
    if !known {
        return Err(Refusal::Type(slot));
    }
    Ok((kind.code().into(), element_bytes(kind, slot)? as u32))
}

pub(super) fn prepare(_op: Cast, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let ((from, from_bytes), (to, to_bytes)) = (check(node, INPUT)?, check(node, OUTPUT)?);
    node.set_data(Data { from, to, from_bytes, to_bytes })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    convert(node, |from_kind, from, to_kind, to| {
        match (from_kind, to_kind) {
            // Pictures on their way into a float model: without the detour.
            (TensorType::UInt8, TensorType::Float32) => put(from, to, |x| f32::from(x).to_ne_bytes()),
            _ => Values::read(from_kind, from).ok_or(Refusal::Internal)?.write(to_kind, to),
        }
        Ok(())
    })
}

/// As [`invoke`], between integers of up to 32 bits.
pub(super) fn invoke_int32(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    convert(node, |from_kind, from, to_kind, to| {
        let mut values = [0i32; BLOCK];
        match from_kind {
            TensorType::Int8 => get(&mut values, from, |b| i8::from_ne_bytes(b).into()),
            TensorType::UInt8 => get(&mut values, from, |b| u8::from_ne_bytes(b).into()),
            TensorType::Int16 => get(&mut values, from, |b| i16::from_ne_bytes(b).into()),
            TensorType::UInt16 => get(&mut values, from, |b| u16::from_ne_bytes(b).into()),
            TensorType::Int32 | TensorType::UInt32 => get(&mut values, from, i32::from_ne_bytes),
            _ => return Err(Refusal::Internal),
        }
        match to_kind {
            TensorType::Int8 | TensorType::UInt8 => put(&values, to, |v| [v as u8]),
            TensorType::Int16 | TensorType::UInt16 => put(&values, to, |v| (v as u16).to_ne_bytes()),
            TensorType::Int32 | TensorType::UInt32 => put(&values, to, i32::to_ne_bytes),
            _ => return Err(Refusal::Internal),
        }
        Ok(())
    })
}

/// Converts elements of one type, a block at a time, into those of the other.
#[inline(always)]
fn convert(
    node: &mut Invoke<'_>,
    block: impl Fn(TensorType, &[u8], TensorType, &mut [u8]) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let kind = |code: i32| TensorType::from_code(code as i8).ok_or(Refusal::Internal);
    let (from_kind, to_kind) = (kind(data.from)?, kind(data.to)?);
    let to = node.output::<u8>(0)?;
    let from = node.input::<u8>(0)?;
    if data.from == data.to {
        return super::shared::copy_slice(from, to);
    }
    let mut rest = from;
    for to in to.chunks_mut((BLOCK * data.to_bytes as usize).max(1)) {
        let (from, after) = rest.split_at(rest.len().min(BLOCK * data.from_bytes as usize));
        rest = after;
        block(from_kind, from, to_kind, to)?;
    }
    Ok(())
}

/// Values that are converted at a time.
const BLOCK: usize = 32;

/// Values on the way from one type to another, as a type that holds all of both kinds exactly. So
/// there are twice as many conversions as types, and not their square.
enum Values {
    Integers([i64; BLOCK]),
    Reals([f64; BLOCK]),
}

/// Reads `values` from elements of `N` bytes.
fn get<const N: usize, V>(values: &mut [V], bytes: &[u8], read: impl Fn([u8; N]) -> V) {
    values.iter_mut().zip(bytes.as_chunks::<N>().0).for_each(|(value, &bytes)| *value = read(bytes));
}

/// Writes `values` to elements of `N` bytes.
fn put<const N: usize, V: Copy>(values: &[V], bytes: &mut [u8], write: impl Fn(V) -> [u8; N]) {
    bytes.as_chunks_mut::<N>().0.iter_mut().zip(values).for_each(|(bytes, &value)| *bytes = write(value));
}

/// `x` without its fraction, which is within the range of the integers or near its ends; no number
/// counts as beyond the upper.
fn whole(x: f64, min: i64, max: i64) -> i64 {
    if x.is_nan() { max } else { (x as i64).max(min).min(max) }
}

impl Values {
    /// The values of the elements in `bytes`; `None` for a type that is not converted.
    fn read(kind: TensorType, bytes: &[u8]) -> Option<Self> {
        let (mut i, mut r) = ([0i64; BLOCK], [0f64; BLOCK]);
        let mut integers = true;
        match kind {
            TensorType::Bool => get(&mut i, bytes, |[b]: [u8; 1]| i64::from(b != 0)),
            TensorType::Int8 => get(&mut i, bytes, |b| i8::from_ne_bytes(b).into()),
            TensorType::UInt8 => get(&mut i, bytes, |b| u8::from_ne_bytes(b).into()),
            TensorType::Int16 => get(&mut i, bytes, |b| i16::from_ne_bytes(b).into()),
            TensorType::UInt16 => get(&mut i, bytes, |b| u16::from_ne_bytes(b).into()),
            TensorType::Int32 => get(&mut i, bytes, |b| i32::from_ne_bytes(b).into()),
            TensorType::UInt32 => get(&mut i, bytes, |b| u32::from_ne_bytes(b).into()),
            TensorType::Int64 => get(&mut i, bytes, i64::from_ne_bytes),
            _ => integers = false,
        }
        if integers {
            return Some(Self::Integers(i));
        }
        match kind {
            TensorType::Float16 => get(&mut r, bytes, |b| half::to_f32(u16::from_ne_bytes(b)).into()),
            TensorType::Float32 => get(&mut r, bytes, |b| f32::from_ne_bytes(b).into()),
            TensorType::Float64 => get(&mut r, bytes, f64::from_ne_bytes),
            TensorType::Complex64 => {
                get(&mut r, bytes, |[a, b, c, d, ..]: [u8; 8]| f32::from_ne_bytes([a, b, c, d]).into());
            }
            _ => return None,
        }
        Some(Self::Reals(r))
    }

    fn write(&self, kind: TensorType, bytes: &mut [u8]) {
        match self {
            Self::Integers(values) => match kind {
                TensorType::Bool => put(values, bytes, |v| [u8::from(v != 0)]),
                TensorType::Int8 | TensorType::UInt8 => put(values, bytes, |v| [v as u8]),
                TensorType::Int16 | TensorType::UInt16 => put(values, bytes, |v| (v as u16).to_ne_bytes()),
                TensorType::Int32 | TensorType::UInt32 => put(values, bytes, |v| (v as u32).to_ne_bytes()),
                TensorType::Int64 => put(values, bytes, i64::to_ne_bytes),
                TensorType::Float16 => put(values, bytes, |v| half::from_f32(v as f32).to_ne_bytes()),
                TensorType::Float32 => put(values, bytes, |v| (v as f32).to_ne_bytes()),
                TensorType::Complex64 => put(values, bytes, |v| complex(v as f32)),
                _ => put(values, bytes, |v| (v as f64).to_ne_bytes()),
            },
            Self::Reals(values) => {
                // Of no more than 32 bits, an integer's ends are exact in 64.
                let put_whole = |bytes: &mut [u8]| {
                    let (min, max) = match kind {
                        TensorType::UInt32 => (0, u32::MAX.into()),
                        TensorType::Int64 => (i64::MIN, i64::MAX),
                        _ => kind.integer_range().map_or((0, 0), |(a, b)| (a.into(), b.into())),
                    };
                    Self::Integers(values.map(|v| whole(v, min, max))).write(kind, bytes);
                };
                match kind {
                    TensorType::Bool => put(values, bytes, |v| [u8::from(v != 0.0)]),
                    TensorType::Float16 => put(values, bytes, |v| half::from_f32(v as f32).to_ne_bytes()),
                    TensorType::Float32 => put(values, bytes, |v| (v as f32).to_ne_bytes()),
                    TensorType::Float64 => put(values, bytes, f64::to_ne_bytes),
                    TensorType::Complex64 => put(values, bytes, |v| complex(v as f32)),
                    _ => put_whole(bytes),
                }
            }
        }
    }
}

/// The complex number of a real one.
fn complex(real: f32) -> [u8; 8] {
    let [a, b, c, d] = real.to_ne_bytes();
    [a, b, c, d, 0, 0, 0, 0]
}
