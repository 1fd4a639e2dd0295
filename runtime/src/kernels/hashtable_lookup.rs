//! HASHTABLE_LOOKUP: `out[i, ...] = rows[k, ...]` where `keys[k] = wanted[i]`, else 0; any type of whole
//! bytes.

use bytemuck::{Pod, Zeroable};
use core::cmp::Ordering;
use sedge_schema::op::{HashtableLookup, NodeExt as _};
use sedge_schema::{MAX_RANK, Refusal, Slot, TensorType};

use super::shared::{INPUT, OUTPUT, copy_slice, element_bytes};
use crate::node::{Invoke, Prepare};

const ROWS: Slot = Slot::Input(2);

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// Bytes of a row.
    row: u32,
}

pub(super) fn prepare(_op: HashtableLookup, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    for slot in [INPUT, Slot::Input(1)] {
        node.type_in(slot, &[TensorType::Int32])?;
    }
    let kind = sedge_schema::op::Node::tensor_type(node, ROWS)?;
    node.type_in(OUTPUT, &[kind])?;
    node.type_in(Slot::Output(1), &[TensorType::UInt8, TensorType::Bool])?;
    let row = node.input(2)?.elements_in(1..MAX_RANK) * element_bytes(kind, ROWS)?;
    node.set_data(Data { row: u32::try_from(row).map_err(|_| Refusal::TooLarge)? })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let size = node.data::<Data>()?.row as usize;
    let (to, hits) = (node.output::<u8>(0)?, node.output::<u8>(1)?);
    let (wanted, keys, rows) = (node.input::<i32>(0)?, node.input::<i32>(1)?, node.input::<u8>(2)?);
    for (i, (wanted, hit)) in wanted.iter().zip(hits).enumerate() {
        let to = to.get_mut(i * size..).and_then(|to| to.get_mut(..size)).ok_or(Refusal::Internal)?;
        let found = find(keys, *wanted);
        *hit = found.is_some().into();
        match found {
            Some(k) => {
                let row = rows.get(k * size..).and_then(|rows| rows.get(..size));
                copy_slice(row.ok_or(Refusal::Internal)?, to)?;
            }
            None => to.fill(0),
        }
    }
    Ok(())
}

/// The place of a key among sorted ones: halves are halved until it lies in the middle, so that of equal
/// keys, or among others that are not sorted, the one is found that C's `bsearch` finds.
fn find(keys: &[i32], wanted: i32) -> Option<usize> {
    let (mut low, mut high) = (0, keys.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match wanted.cmp(keys.get(middle)?) {
            Ordering::Less => high = middle,
            Ordering::Equal => return Some(middle),
            Ordering::Greater => low = middle + 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn keys_are_found() {
        let keys = [i32::MIN, -3, 0, 7, i32::MAX];
        for (k, &key) in keys.iter().enumerate() {
            assert_eq!(find(&keys, key), Some(k));
        }
        assert_eq!((find(&keys, 6), find(&keys, -4), find(&[], 0)), (None, None, None));
        assert_eq!(find(&[5, 5, 5], 5), Some(1));
    }
}
