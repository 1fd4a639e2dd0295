//! Operators that read or write single elements at their places, and those that choose elements by their places.
//!
//! GATHER_ND and SCATTER_ND take places along all dimensions. Where the model names those along one dimension only, the
//! others are written out as constants beside them.

use sedge_schema::TensorType;
use sedge_schema::op::{Add, ArgMax, Concatenation, GatherNd, Greater, OneHot, ScatterNd, SelectV2};

use super::call::Call;
use super::value::{Value, plain};
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::TensorId;
use crate::import::builder::ensure_few;

pub(super) fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "EyeLike" => eye,
        "GatherElements" => gather_elements,
        "Hardmax" => hardmax,
        "ScatterElements" | "Scatter" => scatter_elements,
        "ScatterND" => scatter_nd,
        "Trilu" => triangle,
        _ => return None,
    })
}

/// The place along dimension `axis` of each element of an array with these sizes, in row-major order.
fn places(dims: &[usize], axis: usize) -> Result<Vec<i64>, Failure> {
    ensure_few(dims.iter().product())?;
    let inner: usize = dims.iter().skip(axis + 1).product();
    let size = dims.get(axis).copied().unwrap_or(1).max(1);
    let count: usize = dims.iter().product();
    Ok((0..count).map(|i| (i / inner.max(1) % size) as i64).collect())
}

impl Importer<'_> {
    /// `[..., rank]`: for each of the indices along `axis` the whole place that it means in `of`.
    fn whole_places(
        &mut self,
        call: &Call<'_>,
        indices: &Value,
        of: &Value,
        axis: usize,
    ) -> Result<TensorId, Failure> {
        let (dims, size) = (self.dims(indices), self.dims(of).get(axis).copied().unwrap_or(0));
        let along = self.indices(call, indices, size)?;
        let columns = [dims.as_slice(), &[1]].concat();
        let mut parts = Vec::new();
        for other in 0..dims.len() {
            let name = call.part(&format!("places {other}"));
            parts.push(Some(if other == axis {
                self.reshape_stored(&name, along, &columns)?
            } else {
                let list = places(&dims, other)?;
                let bytes = list.iter().flat_map(|&i| (i as i32).to_le_bytes()).collect();
                self.builder.constant(&name, TensorType::Int32, &columns, bytes)?
            }));
        }
        let name = call.part("places");
        let op = Concatenation { axis: dims.len() as i32, ..Concatenation::default() };
        let made = self.builder.emit_all(&name, op, &parts, &[(&name, TensorType::Int32)])?;
        made.first().copied().ok_or_else(|| Failure::new("no places"))
    }

    /// Writes `new` at `places` into `old`, or adds it to what is there.
    fn scattered(
        &mut self,
        call: &Call<'_>,
        old: &Value,
        places: TensorId,
        new: TensorId,
        adds: bool,
    ) -> Result<Value, Failure> {
        let dims: Vec<i32> = self.dims(old).iter().map(|&d| d as i32).collect();
        let shape = self.builder.ints(&call.part("shape"), &dims)?;
        let kind = self.builder.graph.tensor(new).tensor_type;
        let is_zero = self.floats_of(old)?.is_some_and(|v| v.iter().all(|&x| x == 0.0));
        let name = if is_zero { call.name().to_owned() } else { call.part("written") };
        let written = self.builder.emit(&name, ScatterNd {}, &[places, new, shape], kind)?;
        let written = self.new_value(written);
        if is_zero {
            return Ok(written);
        }
        if adds {
            return self.binary(call.name(), Add::default(), [old, &written], None);
        }
        // Which elements were written.
        let count = self.builder.graph.tensor(new).shape;
        ensure_few(count.elements())?;
        let dims_new: Vec<usize> = count.dims().iter().map(|&d| d as usize).collect();
        let ones = self.builder.floats(&call.part("ones"), &dims_new, &vec![1.0; count.elements()])?;
        let marks = self.builder.emit(
            &call.part("marks"),
            ScatterNd {},
            &[places, ones, shape],
            TensorType::Float32,
        )?;
        let marks = self.new_value(marks);
        let zero = self.scalar(&call.part("zero"), 0.0)?;
        let mask = self.binary(&call.part("mask"), Greater {}, [&marks, &zero], Some(TensorType::Bool))?;
        let (tensors, axes) = self.aligned(&[&mask, &written, old])?;
        let tensor = self.builder.emit(call.name(), SelectV2 {}, &tensors, kind)?;
        Ok(Value { tensor, axes })
    }
}

fn gather_elements(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let (value, picked) = (importer.input(call, 0)?, importer.input(call, 1)?);
    let axis = importer.axis(&value, call.int("axis", 0))?;
    let places = importer.whole_places(call, &picked, &value, axis)?;
    let (kind, from) = (importer.kind(&value), importer.plain(&value)?);
    let tensor = importer.builder.emit(call.name(), GatherNd {}, &[from, places], kind)?;
    let result = importer.new_value(tensor);
    importer.set(call, 0, result)
}

/// Whether values are added to those that are there; anything but that and writing over them is refused.
fn adds(call: &Call<'_>) -> Result<bool, Failure> {
    match call.text("reduction", "none") {
        "none" => Ok(false),
        "add" => Ok(true),
        other => call.refuse(format!("the reduction '{other}' is not supported")),
    }
}

fn scatter_elements(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let [old, picked, new] = [importer.input(call, 0)?, importer.input(call, 1)?, importer.input(call, 2)?];
    let axis = importer.axis(&old, call.int("axis", 0))?;
    let places = importer.whole_places(call, &picked, &old, axis)?;
    let new = importer.plain(&new)?;
    let result = importer.scattered(call, &old, places, new, adds(call)?)?;
    importer.set(call, 0, result)
}

fn scatter_nd(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let [old, picked, new] = [importer.input(call, 0)?, importer.input(call, 1)?, importer.input(call, 2)?];
    if importer.ints_of(&picked)?.is_some_and(|list| list.iter().any(|&i| i < 0)) {
        return call.refuse("indices that count from the end are not supported");
    }
    let picked = importer.cast(&call.part("indices"), &picked, TensorType::Int32)?;
    let (places, new) = (importer.plain(&picked)?, importer.plain(&new)?);
    let result = importer.scattered(call, &old, places, new, adds(call)?)?;
    importer.set(call, 0, result)
}

/// What lies above or below a diagonal of the last two dimensions; the rest becomes 0.
fn triangle(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let rank = value.axes.len();
    let dims = importer.dims(&value);
    let Some(&[rows, columns]) = dims.get(rank.wrapping_sub(2)..) else {
        return call.refuse("it has no rows and columns");
    };
    let diagonal = if call.has(1) { importer.known_ints(call, 1)?.first().copied().unwrap_or(0) } else { 0 };
    let upper = call.int("upper", 1) != 0;
    let (down, right) = (places(&[rows, columns], 0)?, places(&[rows, columns], 1)?);
    let kept = down.iter().zip(&right).map(|(&r, &c)| {
        let distance = c - r - diagonal.clamp(-(1 << 32), 1 << 32);
        u8::from(if upper { distance >= 0 } else { distance <= 0 })
    });
    let mask =
        importer.builder.constant(&call.part("mask"), TensorType::Bool, &[rows, columns], kept.collect())?;
    let mask = importer.new_value(mask);
    let kind = importer.kind(&value);
    let Some(bytes) = kind.bytes(1) else { return call.refuse("its elements have no whole bytes") };
    let zero = importer.builder.constant(&call.part("zero"), kind, &[1], vec![0; bytes])?;
    let zero = importer.new_value(zero);
    let (tensors, axes) = importer.aligned(&[&mask, &value, &zero])?;
    let tensor = importer.builder.emit(call.name(), SelectV2 {}, &tensors, kind)?;
    importer.set(call, 0, Value { tensor, axes })
}

fn eye(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let &[rows, columns] = importer.dims(&value).as_slice() else { return call.refuse("it is no matrix") };
    let shift = call.int("k", 0).clamp(-(1 << 32), 1 << 32);
    let (down, right) = (places(&[rows, columns], 0)?, places(&[rows, columns], 1)?);
    let values: Vec<f32> =
        down.iter().zip(&right).map(|(&r, &c)| if c - r == shift { 1.0 } else { 0.0 }).collect();
    let tensor = importer.builder.floats(&call.part("matrix"), &[rows, columns], &values)?;
    let matrix = importer.new_value(tensor);
    let kind = match call.int_given("dtype") {
        Some(code) => super::tensor::element_type(code as i32),
        None => Some(importer.kind(&value)),
    };
    let Some(kind) = kind else { return call.refuse("its element type is not known") };
    let kind = if kind == TensorType::Float64 { TensorType::Float32 } else { kind };
    let result = importer.cast(call.name(), &matrix, kind)?;
    importer.set(call, 0, result)
}

/// 1 at the first of the largest elements along an axis, 0 elsewhere.
fn hardmax(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let dims = importer.dims(&value);
    let rank = dims.len();
    let is_joint = call.opset < 13;
    let axis = importer.axis(&value, call.int("axis", if is_joint { 1 } else { -1 }))?;
    if is_joint && dims.iter().skip(axis + 1).any(|&d| d != 1) {
        return call.refuse("several joined dimensions (opset below 13) are not supported");
    }
    let size = dims.get(axis).copied().unwrap_or(0);
    let tensor = importer.plain(&value)?;
    let along = importer.builder.int(&call.part("axis"), axis as i32)?;
    let op = ArgMax { output_type: TensorType::Int32 };
    let best = importer.builder.emit(&call.part("best"), op, &[tensor, along], TensorType::Int32)?;
    let depth = importer.builder.int(&call.part("depth"), size as i32)?;
    let (on, off) = (importer.scalar(&call.part("on"), 1.0)?, importer.scalar(&call.part("off"), 0.0)?);
    let op = OneHot { axis: if axis + 1 == rank { -1 } else { axis as i32 } };
    let inputs = [best, depth, on.tensor, off.tensor];
    let tensor = importer.builder.emit(call.name(), op, &inputs, TensorType::Float32)?;
    importer.set(call, 0, Value { tensor, axes: plain(rank) })
}
