//! TOPK_V2: the `k` largest elements of each row in descending order, of equal ones the first first, and
//! their indices as int32 or int16; float32 and all integers of up to 64 bits.
//!
//! While a row is read, the outputs are a heap of the best so far with the worst of them on top; then the
//! heap is taken apart from there, which leaves the elements sorted.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{NodeExt as _, TopkV2};
use sedge_schema::{Refusal, Slot, TensorType};

use super::shared::{INPUT, OUTPUT, same_type};
use crate::element::Element;
use crate::heap::Heap;
use crate::node::{Invoke, Prepare};
use crate::slices;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The elements' type code.
    kind: i32,
    /// Whether indices are int16.
    short: u32,
    /// Elements of a row, and how many of them are wanted.
    row: u32,
    count: u32,
}

pub(super) fn prepare(_op: TopkV2, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    use TensorType::{Float32, Int8, Int16, Int32, Int64, UInt8};
    let kind = same_type(node)?;
    node.type_in(INPUT, &[Float32, Int8, UInt8, Int16, Int32, Int64])?;
    let indices = node.type_in(Slot::Output(1), &[Int32, Int16])?;
    let row = node.input(0)?.last();
    if indices == Int16 && row > i16::MAX as usize {
        return Err(Refusal::Shape(INPUT));
    }
    let count = sedge_schema::op::Node::shape(node, OUTPUT)?.last() as u32;
    let short = u32::from(indices == Int16);
    node.set_data(Data { kind: kind.code().into(), short, row: row as u32, count })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Float32) => rows::<f32>(node, data),
        Some(TensorType::Int8) => rows::<i8>(node, data),
        Some(TensorType::UInt8) => rows::<u8>(node, data),
        Some(TensorType::Int16) => rows::<i16>(node, data),
        Some(TensorType::Int64) => rows::<i64>(node, data),
        _ => rows::<i32>(node, data),
    }
}

fn rows<T: Element + PartialOrd>(node: &mut Invoke<'_>, data: &Data) -> Result<(), Refusal> {
    if data.short != 0 { top::<T, i16>(node, data) } else { top::<T, i32>(node, data) }
}

/// An index as an output holds it.
trait Index: Element + PartialOrd {
    fn new(index: usize) -> Self;
}

impl Index for i16 {
    fn new(index: usize) -> Self {
        index as i16
    }
}

impl Index for i32 {
    fn new(index: usize) -> Self {
        index as i32
    }
}

fn top<T: Element + PartialOrd, I: Index>(node: &mut Invoke<'_>, data: &Data) -> Result<(), Refusal> {
    let (values, indices) = (node.output::<T>(0)?, node.output::<I>(1)?);
    let from = node.input::<T>(0)?;
    let (row, count) = (data.row as usize, data.count as usize);
    if count == 0 || row == 0 {
        return Ok(());
    }
    let outputs = values.chunks_exact_mut(count.max(1)).zip(indices.chunks_exact_mut(count.max(1)));
    for (from, (values, indices)) in from.chunks_exact(row.max(1)).zip(outputs) {
        let mut best = Best { values, indices };
        for (index, &value) in from.iter().enumerate() {
            best.offer(index, value).ok_or(Refusal::Internal)?;
        }
        best.sort(count).ok_or(Refusal::Internal)?;
    }
    Ok(())
}

/// The best elements so far and their indices, a heap.
struct Best<'o, T, I> {
    values: &'o mut [T],
    indices: &'o mut [I],
}

impl<T: Element + PartialOrd, I: Index> Heap for Best<'_, T, I> {
    fn precedes(&self, a: usize, b: usize) -> Option<bool> {
        let (x, y) = (self.values.get(a)?, self.values.get(b)?);
        Some(x > y || (x == y && self.indices.get(a)? < self.indices.get(b)?))
    }

    fn swap(&mut self, a: usize, b: usize) {
        slices::swap(self.values, a, b);
        slices::swap(self.indices, a, b);
    }
}

impl<T: Element + PartialOrd, I: Index> Best<'_, T, I> {
    /// Takes the row's element `index` where it is one of the best so far.
    fn offer(&mut self, index: usize, value: T) -> Option<()> {
        let len = self.values.len();
        if index < len {
            *self.values.get_mut(index)? = value;
            *self.indices.get_mut(index)? = I::new(index);
            if index + 1 == len {
                self.build(len)?;
            }
        } else if value > *self.values.first()? {
            *self.values.first_mut()? = value;
            *self.indices.first_mut()? = I::new(index);
            self.sink(0, len)?;
        }
        Some(())
    }
}
