//! Functions of one tensor that Keras writes down as layers: what a model computes with `keras.ops`, or with TensorFlow's
//! functions in Keras 2.

use sedge_schema::op::{
    Abs, Cos, Exp, Floor, Log, Mean, Mul, Neg, ReduceMax, ReduceMin, ReduceProd, Rsqrt, Sign, Sin, Sqrt, Sum,
    Tanh,
};

use super::config::Layer;
use super::{Handler, Importer, only};
use crate::Failure;
use crate::graph::{Operation, TensorId};

pub(super) fn handler(class: &str) -> Option<Handler> {
    Some(match class {
        "Abs" | "Absolute" | "TFOpLambda math.abs" => |i, l, x| of(i, l, x, Abs {}),
        "Cos" => |i, l, x| of(i, l, x, Cos {}),
        "Exp" | "TFOpLambda math.exp" => |i, l, x| of(i, l, x, Exp {}),
        "ExpandDims" => expand,
        "Floor" => |i, l, x| of(i, l, x, Floor {}),
        "Log" | "TFOpLambda math.log" => |i, l, x| of(i, l, x, Log {}),
        "Max" => |i, l, x| reduced(i, l, x, |keep_dims| ReduceMax { keep_dims }.into()),
        "Mean" => |i, l, x| reduced(i, l, x, |keep_dims| Mean { keep_dims }.into()),
        "Min" => |i, l, x| reduced(i, l, x, |keep_dims| ReduceMin { keep_dims }.into()),
        "Negative" | "TFOpLambda math.negative" => |i, l, x| of(i, l, x, Neg {}),
        "Prod" => |i, l, x| reduced(i, l, x, |keep_dims| ReduceProd { keep_dims }.into()),
        "Rsqrt" | "TFOpLambda math.rsqrt" => |i, l, x| of(i, l, x, Rsqrt {}),
        "Sign" => |i, l, x| of(i, l, x, Sign {}),
        "Sin" => |i, l, x| of(i, l, x, Sin {}),
        "Sqrt" | "TFOpLambda math.sqrt" => |i, l, x| of(i, l, x, Sqrt {}),
        "Square" | "TFOpLambda math.square" => |i, l, x| {
            let x = only(x)?;
            i.emit(&l.name, Mul::default(), &[x, x])
        },
        "Squeeze" => squeeze,
        "Sum" => |i, l, x| reduced(i, l, x, |keep_dims| Sum { keep_dims }.into()),
        "Tanh" | "TFOpLambda math.tanh" => |i, l, x| of(i, l, x, Tanh {}),
        "Transpose" => transpose,
        _ => return None,
    })
}

fn of(
    importer: &mut Importer<'_>,
    layer: &Layer,
    inputs: &[TensorId],
    op: impl Into<Operation>,
) -> Result<TensorId, Failure> {
    importer.emit(&layer.name, op, &[only(inputs)?])
}

/// One axis of `rank` dimensions; a negative one counts from the last.
pub(super) fn axis_of(value: &serde_json::Value, rank: usize) -> Option<usize> {
    let axis = value.as_i64()?;
    usize::try_from(if axis < 0 { axis + rank as i64 } else { axis }).ok().filter(|&axis| axis < rank)
}

/// Axes of `rank` dimensions: one, a list, or `None` where the configuration has none.
pub(super) fn axes(layer: &Layer, key: &str, rank: usize) -> Result<Option<Vec<usize>>, Failure> {
    let value = &layer.config[key];
    let axis = |v: &serde_json::Value| axis_of(v, rank);
    let found = match value.as_array() {
        _ if value.is_null() => return Ok(None),
        Some(list) => list.iter().map(axis).collect(),
        None => axis(value).map(|axis| vec![axis]),
    };
    found.map(Some).ok_or_else(|| Failure::new(format!("{key} {value} is none of {rank} dimensions")))
}

/// Over the axes of the configuration, all where it has none.
fn reduced(
    importer: &mut Importer<'_>,
    layer: &Layer,
    inputs: &[TensorId],
    op: fn(bool) -> Operation,
) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let rank = importer.dims(x).len();
    let axes = axes(layer, "axis", rank)?.unwrap_or_else(|| (0..rank).collect());
    let axes: Vec<i32> = axes.iter().map(|&axis| axis as i32).collect();
    let axes = importer.builder.ints(&format!("{}/axes", layer.name), &axes)?;
    importer.emit(&layer.name, op(layer.flag("keepdims", false)), &[x, axes])
}

fn expand(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let mut dims = importer.dims(x);
    let mut axes = axes(layer, "axis", dims.len() + 1)?.unwrap_or_default();
    axes.sort_unstable();
    for axis in axes {
        dims.insert(axis.min(dims.len()), 1);
    }
    importer.reshape(&layer.name, x, &dims)
}

fn squeeze(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let dims = importer.dims(x);
    let axes = axes(layer, "axis", dims.len())?;
    let goes = |axis: usize, size: usize| axes.as_ref().map_or(size == 1, |axes| axes.contains(&axis));
    let left: Vec<usize> =
        dims.iter().enumerate().filter(|&(axis, &size)| !goes(axis, size)).map(|(_, &size)| size).collect();
    importer.reshape(&layer.name, x, &left)
}

/// Dimensions in another order, the reverse one where the configuration has none.
fn transpose(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let rank = importer.dims(x).len();
    let order = axes(layer, "axes", rank)?.unwrap_or_else(|| (0..rank).rev().collect());
    importer.builder.transpose(&layer.name, x, &order)
}
