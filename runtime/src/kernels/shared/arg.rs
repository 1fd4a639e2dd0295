//! ARG_MAX and ARG_MIN: where along one dimension the largest or smallest element stands; the first of
//! several. What is no number counts only where nothing else is. float32, int8, uint8, int32 and bool,
//! to int32 or int64. Source: tflite's `arg_min_max.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::NodeExt as _;
use sedge_schema::{MAX_RANK, Refusal, TensorType};

use super::{INPUT, OUTPUT};
use crate::element::Element;
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element type's code.
    kind: i32,
    /// Whether the output is int64.
    wide: u32,
    /// Elements along the dimension, and those that lie between two of them.
    depth: u32,
    inner: u32,
}

pub(crate) fn prepare(node: &mut Prepare<'_>) -> Result<(), Refusal> {
    use TensorType::{Bool, Float32, Int8, Int32, Int64, UInt8};
    let kind = node.type_in(INPUT, &[Float32, Int8, UInt8, Int32, Bool])?;
    let wide = node.type_in(OUTPUT, &[Int32, Int64])? == Int64;
    let input = node.input(0)?;
    let axis = node.axis(1, 0, &input)?;
    let depth = input.dim(axis) as u32;
    if depth == 0 {
        return Err(Refusal::Shape(INPUT));
    }
    let inner = input.elements_in(axis + 1..MAX_RANK) as u32;
    node.set_data(Data { kind: kind.code().into(), wide: wide.into(), depth, inner })
}

pub(crate) fn invoke<const LARGEST: bool>(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Int8) => of_type::<i8, LARGEST>(node, data),
        Some(TensorType::UInt8 | TensorType::Bool) => of_type::<u8, LARGEST>(node, data),
        Some(TensorType::Int32) => of_type::<i32, LARGEST>(node, data),
        _ => of_type::<f32, LARGEST>(node, data),
    }
}

fn of_type<T: Element + PartialOrd, const LARGEST: bool>(
    node: &mut Invoke<'_>,
    data: &Data,
) -> Result<(), Refusal> {
    if data.wide != 0 {
        to_type::<T, i64, LARGEST>(node, data, |i| i as i64)
    } else {
        to_type::<T, i32, LARGEST>(node, data, |i| i as i32)
    }
}

fn to_type<T: Element + PartialOrd, O: Element, const LARGEST: bool>(
    node: &mut Invoke<'_>,
    data: &Data,
    index: impl Fn(usize) -> O,
) -> Result<(), Refusal> {
    let to = node.output::<O>(0)?;
    let from = node.input::<T>(0)?;
    let (inner, depth) = ((data.inner as usize).max(1), data.depth as usize);
    for (from, to) in
        from.chunks_exact(inner.saturating_mul(depth).max(1)).zip(to.chunks_exact_mut(inner.max(1)))
    {
        for (first, to) in to.iter_mut().enumerate() {
            let along = from.get(first..).unwrap_or_default().iter().step_by(inner);
            *to = index(best::<T, LARGEST>(along));
        }
    }
    Ok(())
}

/// The index of the first largest or smallest value.
#[inline]
fn best<'v, T: Element + PartialOrd, const LARGEST: bool>(values: impl Iterator<Item = &'v T>) -> usize {
    let mut values = values.copied().enumerate();
    let Some(first) = values.next() else { return 0 };
    let better = |x: T, best: T| if LARGEST { x > best } else { x < best };
    #[allow(clippy::eq_op, reason = "how a float is told from what is no number")]
    let no_number = |x: T| x != x;
    let (index, _) = values.fold(first, |(index, best), (i, x)| {
        if better(x, best) || (no_number(best) && !no_number(x)) { (i, x) } else { (index, best) }
    });
    index
}

#[cfg(test)]
mod tests {
    use super::best;

    #[test]
    fn the_first_of_equals_is_chosen() {
        assert_eq!(best::<i8, true>([3, 7, -1, 7].iter()), 1);
        assert_eq!(best::<i8, false>([3, -1, 7, -1].iter()), 1);
        assert_eq!(best::<i8, true>([5].iter()), 0);
    }

    #[test]
    fn what_is_no_number_is_chosen_last() {
        assert_eq!(best::<f32, true>([f32::NAN, -1.0, f32::NAN, -2.0].iter()), 1);
        assert_eq!(best::<f32, false>([1.0, f32::NAN, -2.0].iter()), 2);
        assert_eq!(best::<f32, true>([f32::NAN, f32::NAN].iter()), 0);
    }
}
