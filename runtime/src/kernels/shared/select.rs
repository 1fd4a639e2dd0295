//! SELECT and SELECT_V2: elements of one tensor where a condition holds, of another elsewhere.
//!
//! The output is walked in runs, along which each of the three operands either goes on element by
//! element or repeats one. Elements are moved as bytes, so all types of one size are one.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::Node as _;
use sedge_schema::{MAX_RANK, Refusal, Shape, Slot, TensorType};

use super::{INPUT, OUTPUT, element_bytes, same_quantization};
use crate::arena::Span;
use crate::node::{Invoke, Prepare};

const TENSORS: [Slot; 2] = [Slot::Input(1), Slot::Input(2)];

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// Bytes of an element.
    unit: u32,
    /// The [`Loop`]s, innermost first.
    loops: Span,
}

/// A loop: how often, and how many elements condition and tensors go on each time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
struct Loop {
    count: u32,
    steps: [u32; 3],
}

/// Prepares the choice by a condition of this shape, which broadcasts to the output.
pub(crate) fn prepare(node: &mut Prepare<'_>, condition: Shape) -> Result<(), Refusal> {
    node.type_in(INPUT, &[TensorType::Bool])?;
    let [first, second] = TENSORS;
    let kind = node.tensor_type(first)?;
    let unit = element_bytes(kind, first)? as u32;
    for slot in [second, OUTPUT] {
        node.type_in(slot, &[kind])?;
        if !same_quantization(node, first, slot)? {
            return Err(Refusal::Quantization(slot));
        }
    }
    let out = node.shape(OUTPUT)?;
    let operands = [condition, node.shape(first)?, node.shape(second)?];
    let operands = operands.map(|shape| shape.expand_to(out.rank()).unwrap_or_default());
    let (loops, used) = loops(&out, &operands);
    let span = node.list::<Loop>(used)?;
    node.list_mut::<Loop>(span).iter_mut().zip(loops).for_each(|(to, from)| *to = from);
    node.set_data(Data { unit, loops: span })
}

/// The loops over an output, innermost first, and their number. Those that continue each other are one.
fn loops(out: &Shape, operands: &[Shape; 3]) -> ([Loop; MAX_RANK], usize) {
    let mut loops = [Loop::default(); MAX_RANK];
    let (mut used, mut strides) = (0usize, [1u32; 3]);
    for axis in (0..out.rank()).rev() {
        let dims = operands.map(|shape| shape.dim(axis) as u32);
        let mut steps = strides;
        steps.iter_mut().zip(dims).filter(|&(_, dim)| dim == 1).for_each(|(step, _)| *step = 0);
        strides.iter_mut().zip(dims).for_each(|(stride, dim)| *stride = stride.wrapping_mul(dim));
        let count = out.dim(axis) as u32;
        if count == 1 {
            continue;
        }
        let inner = used.checked_sub(1).and_then(|last| loops.get_mut(last));
        match inner {
            Some(inner) if inner.steps.map(|step| step.wrapping_mul(inner.count)) == steps => {
                inner.count = inner.count.wrapping_mul(count);
            }
            _ => {
                if let Some(to) = loops.get_mut(used) {
                    *to = Loop { count, steps };
                }
                used += 1;
            }
        }
    }
    (loops, used)
}

pub(crate) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    let loops = node.list::<Loop>(data.loops);
    let out = node.output::<u8>(0)?;
    let (condition, tensors) = (node.input::<u8>(0)?, [node.input::<u8>(1)?, node.input::<u8>(2)?]);
    match data.unit {
        1 => choose::<1>(loops, condition, tensors, out),
        2 => choose::<2>(loops, condition, tensors, out),
        4 => choose::<4>(loops, condition, tensors, out),
        8 => choose::<8>(loops, condition, tensors, out),
        _ => choose::<16>(loops, condition, tensors, out),
    }
    .ok_or(Refusal::Internal)
}

/// Chooses elements of `N` bytes.
fn choose<const N: usize>(
    loops: &[Loop],
    condition: &[u8],
    tensors: [&[u8]; 2],
    out: &mut [u8],
) -> Option<()> {
    let [a, b] = tensors.map(|bytes| bytes.as_chunks::<N>().0);
    let (run, around) = match loops.split_first() {
        Some((&run, around)) => (run, around),
        None => (Loop { count: 1, steps: [0; 3] }, loops),
    };
    let mut counters = [0u32; MAX_RANK];
    let mut at = [0usize; 3];
    // An empty output has no runs.
    for out in out.as_chunks_mut::<N>().0.chunks_exact_mut((run.count.max(1) as usize).max(1)) {
        let (condition, a, b) = (condition.get(at[0]..)?, a.get(at[1]..)?, b.get(at[2]..)?);
        if run.steps == [1; 3] {
            let pairs = a.iter().zip(b);
            for ((out, &holds), (a, b)) in out.iter_mut().zip(condition).zip(pairs) {
                *out = if holds != 0 { *a } else { *b };
            }
        } else {
            let [mut c, mut i, mut j] = [0usize; 3];
            let [c_step, i_step, j_step] = run.steps.map(|step| step as usize);
            for out in out {
                *out = if *condition.get(c)? != 0 { *a.get(i)? } else { *b.get(j)? };
                (c, i, j) = (c + c_step, i + i_step, j + j_step);
            }
        }
        for (around, counter) in around.iter().zip(&mut counters) {
            let steps = around.steps.map(|step| step as usize);
            at.iter_mut().zip(steps).for_each(|(at, step)| *at += step);
            *counter += 1;
            if *counter < around.count {
                break;
            }
            *counter = 0;
            at.iter_mut().zip(steps).for_each(|(at, step)| *at -= step * around.count as usize);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use sedge_schema::Shape;

    use super::{Loop, choose, loops};

    fn shape(dims: &[u32]) -> Shape {
        Shape::new(dims).unwrap()
    }

    #[test]
    fn equal_shapes_are_one_run() {
        let same = shape(&[2, 3, 4]);
        let (found, used) = loops(&same, &[same; 3]);
        assert_eq!((used, found[0]), (1, Loop { count: 24, steps: [1; 3] }));
    }

    #[test]
    fn operands_repeat_where_they_are_one() {
        // A condition for each row, a tensor of one row, a tensor of one column.
        let out = shape(&[2, 3]);
        let (found, used) = loops(&out, &[shape(&[2, 1]), shape(&[1, 3]), shape(&[2, 1])]);
        assert_eq!(found[..used], [Loop { count: 3, steps: [0, 1, 0] }, Loop { count: 2, steps: [1, 0, 1] }]);
        let mut chosen = [0; 6];
        choose::<1>(&found[..used], &[1, 0], [&[10, 11, 12], &[20, 21]], &mut chosen).unwrap();
        assert_eq!(chosen, [10, 11, 12, 21, 21, 21]);
    }
}
