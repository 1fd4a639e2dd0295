//! BUCKETIZE: `out = number of boundaries that are not above x`, as int32. float32, float64, int32 and
//! int64; integers are compared as float32, as boundaries are. Source: LiteRT's `bucketize.cc`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::Bucketize;
use sedge_schema::{Refusal, TensorType};

use super::shared::{INPUT, OUTPUT};
use crate::arena::Span;
use crate::element::Element;
use crate::node::{Invoke, Prepare};
use crate::slices;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    /// The element type's code.
    kind: i32,
    boundaries: Span,
}

pub(super) fn prepare(op: Bucketize, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    use TensorType::{Float32, Float64, Int32, Int64};
    let kind = node.type_in(INPUT, &[Float32, Float64, Int32, Int64])?;
    node.type_in(OUTPUT, &[Int32])?;
    let boundaries = op.boundaries.as_slice();
    if !boundaries.iter().zip(boundaries.iter().skip(1)).all(|(a, b)| a <= b) {
        return Err(Refusal::Parameter("boundaries"));
    }
    let span = node.list::<f32>(boundaries.len())?;
    slices::copy(boundaries, node.list_mut(span));
    node.set_data(Data { kind: kind.code().into(), boundaries: span })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let data = node.data::<Data>()?;
    match TensorType::from_code(data.kind as i8) {
        Some(TensorType::Float64) => buckets(node, data, |x: f64, boundary| x < boundary.into()),
        Some(TensorType::Int32) => buckets(node, data, |x: i32, boundary| (x as f32) < boundary),
        Some(TensorType::Int64) => buckets(node, data, |x: i64, boundary| (x as f32) < boundary),
        _ => buckets(node, data, |x: f32, boundary| x < boundary),
    }
}

fn buckets<T: Element>(
    node: &mut Invoke<'_>,
    data: &Data,
    is_below: impl Fn(T, f32) -> bool,
) -> Result<(), Refusal> {
    let boundaries = node.list::<f32>(data.boundaries);
    let to = node.output::<i32>(0)?;
    for (bucket, &x) in to.iter_mut().zip(node.input::<T>(0)?) {
        *bucket = boundaries.partition_point(|&boundary| !is_below(x, boundary)) as i32;
    }
    Ok(())
}
