//! Parts of tensors by their indices.

use sedge_schema::TensorType;
use sedge_schema::op::{Gather, GatherNd, OneHot, Slice, StridedSlice, TopkV2};

use super::call::{Call, Value};
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::TensorId;

pub(super) fn handler(op: &str) -> Option<Handler> {
    Some(Handler::Tensors(match op {
        "Gather" | "GatherV2" => gather,
        "GatherNd" => |i, c, x| i.emit(&c.name, GatherNd {}, x),
        "OneHot" => one_hot,
        "ResourceGather" => return Some(Handler::Values(look_up)),
        "Slice" => slice,
        "StridedSlice" => strided,
        "TopK" | "TopKV2" => return Some(Handler::Values(top)),
        _ => return None,
    }))
}

fn gather(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [table, indices] = call.operands(x)?;
    let axis = match x.get(2) {
        Some(&axis) => importer.int(axis)?,
        None => 0,
    };
    importer.emit(&call.name, Gather { axis, batch_dims: call.int("batch_dims", 0)? }, &[table, indices])
}

/// GATHER from a variable.
fn look_up<'m>(importer: &mut Importer<'m>, call: &Call<'m>, x: &[Value]) -> Result<Vec<Value>, Failure> {
    let [Value::Variable(handle), Value::Tensor(indices)] = x else {
        return Err(Failure::new("it reads what is no variable"));
    };
    let table = importer.variable(handle)?;
    let op = Gather { axis: 0, batch_dims: call.int("batch_dims", 0)? };
    Ok(vec![Value::Tensor(importer.emit(&call.name, op, &[table, *indices])?)])
}

fn one_hot(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [.., value] = call.operands::<4>(x)?;
    let kind = importer.builder.kind(value);
    importer.builder.emit(&call.name, OneHot { axis: call.int("axis", -1)? }, x, kind)
}

fn slice(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [x, begin, size] = call.operands(x)?;
    let begin = importer.narrow(&call.part("begin"), begin)?;
    let size = importer.narrow(&call.part("size"), size)?;
    importer.emit(&call.name, Slice {}, &[x, begin, size])
}

fn strided(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [x, begin, end, strides] = call.operands(x)?;
    let op = StridedSlice {
        begin_mask: call.int("begin_mask", 0)?,
        end_mask: call.int("end_mask", 0)?,
        ellipsis_mask: call.int("ellipsis_mask", 0)?,
        new_axis_mask: call.int("new_axis_mask", 0)?,
        shrink_axis_mask: call.int("shrink_axis_mask", 0)?,
        offset: false,
    };
    let begin = importer.narrow(&call.part("begin"), begin)?;
    let end = importer.narrow(&call.part("end"), end)?;
    let strides = importer.narrow(&call.part("strides"), strides)?;
    let result = importer.emit(&call.name, op, &[x, begin, end, strides])?;
    if importer.dims(result).is_empty() {
        importer.builder.graph.tensor_mut(result).has_rank = true;
    }
    Ok(result)
}

fn top<'m>(importer: &mut Importer<'m>, call: &Call<'m>, x: &[Value]) -> Result<Vec<Value>, Failure> {
    let [Value::Tensor(x), rest @ ..] = x else { return Err(Failure::new("it reads what is no tensor")) };
    let count = match rest {
        [Value::Tensor(k)] => *k,
        _ => importer.builder.int(&call.part("k"), call.int("k", 1)?)?,
    };
    let (values, indices) = (call.part("values"), call.part("indices"));
    let outputs = [(values.as_str(), importer.builder.kind(*x)), (indices.as_str(), TensorType::Int32)];
    let made = importer.builder.emit_all(&call.name, TopkV2 {}, &[Some(*x), Some(count)], &outputs)?;
    Ok(made.into_iter().map(Value::Tensor).collect())
}
