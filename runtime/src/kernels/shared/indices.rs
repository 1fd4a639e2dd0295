//! Indices of several integer types, read as one, and the dimensions that they count.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::Node as _;
use sedge_schema::{Refusal, Slot, TensorType};

use crate::node::{Invoke, Prepare};

/// The code of the type of input `input`, which must hold indices: int16, int32 or int64.
pub(crate) fn index_type(node: &Prepare<'_>, input: usize) -> Result<i32, Refusal> {
    let slot = Slot::Input(input as u8);
    let kind = node.tensor_type(slot)?;
    let known = matches!(kind, TensorType::Int16 | TensorType::Int32 | TensorType::Int64);
    if known { Ok(kind.code().into()) } else { Err(Refusal::Type(slot)) }
}

/// The indices in an input.
#[derive(Clone, Copy)]
pub(crate) enum Indices<'n> {
    Int16(&'n [i16]),
    Int32(&'n [i32]),
    Int64(&'n [i64]),
}

impl<'n> Indices<'n> {
    /// Those in input `input`, whose type has the code `kind`.
    pub(crate) fn of(node: &'n Invoke<'_>, input: usize, kind: i32) -> Result<Self, Refusal> {
        Ok(match TensorType::from_code(kind as i8) {
            Some(TensorType::Int16) => Self::Int16(node.input(input)?),
            Some(TensorType::Int64) => Self::Int64(node.input(input)?),
            _ => Self::Int32(node.input(input)?),
        })
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Int16(list) => list.len(),
            Self::Int32(list) => list.len(),
            Self::Int64(list) => list.len(),
        }
    }

    /// Index number `k`; -1, which names nothing, where there are fewer.
    #[inline]
    pub(crate) fn get(&self, k: usize) -> i64 {
        match self {
            Self::Int16(list) => list.get(k).map_or(-1, |&i| i.into()),
            Self::Int32(list) => list.get(k).map_or(-1, |&i| i.into()),
            Self::Int64(list) => list.get(k).copied().unwrap_or(-1),
        }
    }

    /// What tuple number `tuple` names in a tensor with the outermost dimensions `dims`: the number of that
    /// part; `None` where it reaches outside.
    #[inline]
    pub(crate) fn part(&self, tuple: usize, dims: &[u32]) -> Option<usize> {
        dims.iter().enumerate().try_fold(0usize, |part, (k, &dim)| {
            let index = usize::try_from(self.get(tuple * dims.len() + k)).ok()?;
            (index < dim as usize).then(|| part * dim as usize + index)
        })
    }
}

/// A dimension: its size, and how many parts lie from one of its indices to the next.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Axis {
    pub(crate) dim: u32,
    pub(crate) stride: u32,
}

impl Axis {
    /// The index in this dimension of part number `part`.
    pub(crate) fn index(&self, part: usize) -> usize {
        part.checked_div(self.stride as usize).and_then(|n| n.checked_rem(self.dim as usize)).unwrap_or(0)
    }
}
