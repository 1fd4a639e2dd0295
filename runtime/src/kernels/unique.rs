//! UNIQUE: `out[ids[i]] = in[i]`, ids counted as values first come; float32 and integers. Source: LiteRT's
//! `unique.cc`.
//!
//! The elements' indices are sorted by value, so that equal ones lie together, the first first.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{NodeExt as _, Unique};
use sedge_schema::{Refusal, Slot, TensorType};

use super::shared::{INPUT, copy_slice, element_bytes, same_type};
use crate::heap::Heap;
use crate::node::{Invoke, Prepare};
use crate::slices;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The elements' type code.
    kind: i32,
    /// Bytes of an element.
    unit: u32,
    /// Whether ids are int64.
    long: u32,
}

pub(super) fn prepare(op: Unique, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    use TensorType::{Float32, Int8, Int16, Int32, Int64, UInt8};
    let kind = same_type(node)?;
    node.type_in(INPUT, &[Float32, Int8, UInt8, Int16, Int32, Int64])?;
    if ![Int32, Int64].contains(&op.idx_out_type) {
        return Err(Refusal::Parameter("idx_out_type"));
    }
    node.type_in(Slot::Output(1), &[op.idx_out_type])?;
    node.scratch(2 * size_of::<u32>() * node.input(0)?.elements())?;
    let (unit, long) = (element_bytes(kind, INPUT)? as u32, u32::from(op.idx_out_type == Int64));
    node.set_data(Data { kind: kind.code().into(), unit, long })
}

/// Indices of elements, in the order of their values and, where these are equal, their own.
struct Sorted<'s, F> {
    order: &'s mut [u32],
    key: F,
}

impl<F: Fn(u32) -> Option<u64>> Heap for Sorted<'_, F> {
    fn precedes(&self, a: usize, b: usize) -> Option<bool> {
        let (&a, &b) = (self.order.get(a)?, self.order.get(b)?);
        Some(((self.key)(a)?, a) < ((self.key)(b)?, b))
    }

    fn swap(&mut self, a: usize, b: usize) {
        slices::swap(self.order, a, b);
    }
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let different = node.output::<u8>(0)?;
    let (long, short) = match data.long {
        0 => (&mut [][..], node.output::<i32>(1)?),
        _ => (node.output::<i64>(1)?, &mut [][..]),
    };
    let scratch = node.scratch::<u32>()?;
    let (order, ids) = scratch.split_at_mut_checked(scratch.len() / 2).ok_or(Refusal::Internal)?;
    let first = number(data, node.input(0)?, order, ids);
    first.and_then(|()| gather(data, node.input(0).ok()?, different, ids)).ok_or(Refusal::Internal)?;
    long.iter_mut().zip(ids.iter()).for_each(|(to, &id)| *to = id.into());
    short.iter_mut().zip(ids.iter()).for_each(|(to, &id)| *to = id as i32);
    Ok(())
}

/// Gives each element the index of the first one that equals it.
fn number(data: &Data, from: &[u8], order: &mut [u32], first: &mut [u32]) -> Option<()> {
    let (kind, unit) = (TensorType::from_code(data.kind as i8)?, data.unit as usize);
    let key = |i: u32| Some(Unique::key(kind, from.get(i as usize * unit..)?.get(..unit)?));
    (0..).zip(order.iter_mut()).for_each(|(i, to)| *to = i);
    let mut sorted = Sorted { order, key };
    let len = sorted.order.len();
    sorted.build(len)?;
    sorted.sort(len)?;
    let mut equal = None;
    for &i in sorted.order.iter() {
        let this = (sorted.key)(i)?;
        let leader = match equal {
            Some((key, leader)) if key == this => leader,
            _ => i,
        };
        equal = Some((this, leader));
        *first.get_mut(i as usize)? = leader;
    }
    Some(())
}

/// Copies the elements that are the first of their kind, and makes their places the ids of all.
fn gather(data: &Data, from: &[u8], to: &mut [u8], ids: &mut [u32]) -> Option<()> {
    let unit = data.unit as usize;
    let mut places = (0..).zip(to.chunks_exact_mut(unit.max(1)));
    for (i, cell) in from.chunks_exact(unit.max(1)).enumerate() {
        let first = *ids.get(i)? as usize;
        // Elements before this one have their ids already.
        let id = if first == i {
            let (id, to) = places.next()?;
            copy_slice(cell, to).ok()?;
            id
        } else {
            *ids.get(first)?
        };
        *ids.get_mut(i)? = id;
    }
    places.next().is_none().then_some(())
}
