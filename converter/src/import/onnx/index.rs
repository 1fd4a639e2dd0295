//! Operators that pick elements by their indices.

use sedge_schema::TensorType;
use sedge_schema::op::{Add, Cumsum, FloorMod, Gather, GatherNd, Neg, OneHot, ReverseSequence, TopkV2};

use super::call::Call;
use super::value::{Value, plain};
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::TensorId;

pub(super) fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "CumSum" => cumulative,
        "Gather" => gather,
        "GatherND" => gather_nd,
        "OneHot" => one_hot,
        "ReverseSequence" => reverse_sequence,
        "TopK" => top_k,
        _ => return None,
    })
}

impl Importer<'_> {
    /// Indices that count from the start, as int32 in logical order; `size` is what negative ones are counted
    /// from.
    pub(super) fn indices(
        &mut self,
        call: &Call<'_>,
        value: &Value,
        size: usize,
    ) -> Result<TensorId, Failure> {
        let dims = self.dims(value);
        if let Some(known) = self.ints_of(value)? {
            let size = size as i64;
            let known: Vec<i64> = known.iter().map(|&i| if i < 0 { i + size } else { i }).collect();
            if known.iter().any(|&i| !(0..size).contains(&i)) {
                return call.refuse(format!("an index is outside of {size} elements"));
            }
            let bytes = known.iter().flat_map(|&i| (i as i32).to_le_bytes()).collect();
            let tensor = self.builder.constant(&call.part("indices"), TensorType::Int32, &dims, bytes)?;
            self.builder.graph.tensor_mut(tensor).has_rank = dims.is_empty();
            return Ok(tensor);
        }
        // A negative index is one more round: (i + size) mod size.
        let index = self.cast(&call.part("index"), value, TensorType::Int32)?;
        let round = self.builder.int(&call.part("size"), size as i32)?;
        let round = Value { tensor: round, axes: Vec::new() };
        let sum = self.binary(&call.part("round"), Add::default(), [&index, &round], None)?;
        let index = self.binary(&call.part("indices"), FloorMod {}, [&sum, &round], None)?;
        self.plain(&index)
    }
}

fn gather(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let (value, picked) = (importer.input(call, 0)?, importer.input(call, 1)?);
    let axis = importer.axis(&value, call.int("axis", 0))?;
    let size = importer.dims(&value).get(axis).copied().unwrap_or(0);
    let kind = importer.kind(&value);
    // Neighbours are a cut, one element is a cut without its dimension; both keep the order of storage.
    if let Some(known) = importer.ints_of(&picked)?
        && picked.axes.len() <= 1
        && let (Some(&first), Some(&last)) = (known.first(), known.last())
    {
        let from_start = |i: i64| if i < 0 { i + size as i64 } else { i };
        let (first, last) = (from_start(first), from_start(last));
        let is_run = known.iter().zip(first..).all(|(&i, k)| from_start(i) == k);
        if is_run && first >= 0 && last < size as i64 {
            let cut = importer.cut(&call.part("cut"), &value, &[(axis, first, last + 1, 1)])?;
            if picked.axes.len() == 1 {
                return importer.set(call, 0, cut);
            }
            let mut dims = importer.dims(&cut);
            dims.remove(axis);
            let result = importer.reshape(call.name(), &cut, &dims)?;
            return importer.set(call, 0, result);
        }
    }
    let indices = importer.indices(call, &picked, size)?;
    let (tensor, axes, stored) = match picked.axes.len() {
        1 => (value.tensor, value.axes.clone(), value.axes.get(axis).copied().unwrap_or(0)),
        _ => {
            let rank = value.axes.len() + picked.axes.len() - 1;
            (importer.plain(&value)?, plain(rank), axis)
        }
    };
    let op = Gather { axis: stored as i32, batch_dims: 0 };
    let tensor = importer.builder.emit(call.name(), op, &[tensor, indices], kind)?;
    importer.set(call, 0, Value { tensor, axes })
}

fn gather_nd(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    if call.int("batch_dims", 0) != 0 {
        return call.refuse("batch dimensions (batch_dims) are not supported");
    }
    let (value, picked) = (importer.input(call, 0)?, importer.input(call, 1)?);
    let kind = importer.kind(&value);
    let picked = importer.cast(&call.part("indices"), &picked, TensorType::Int32)?;
    let (from, indices) = (importer.plain(&value)?, importer.plain(&picked)?);
    let tensor = importer.builder.emit(call.name(), GatherNd {}, &[from, indices], kind)?;
    let result = importer.new_value(tensor);
    importer.set(call, 0, result)
}

fn top_k(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let rank = value.axes.len();
    let axis = importer.axis(&value, call.int("axis", -1))?;
    if axis + 1 != rank || importer.kind(&value) == TensorType::Bool {
        return call.refuse("only elements of the last dimension can be found");
    }
    let is_smallest = call.int("largest", 1) == 0;
    let value = if is_smallest { importer.unary(&call.part("negative"), Neg {}, &value)? } else { value };
    let count = match call.opset >= 10 {
        true => importer.known_ints(call, 1)?.first().copied().unwrap_or(0),
        false => call.int("k", 0),
    };
    let count = importer.builder.int(&call.part("count"), count.clamp(0, i32::MAX.into()) as i32)?;
    let (kind, tensor) = (importer.kind(&value), importer.plain(&value)?);
    let places = call.part("places");
    let outputs = [(call.name(), kind), (places.as_str(), TensorType::Int32)];
    let found = importer.builder.emit_all(call.name(), TopkV2 {}, &[Some(tensor), Some(count)], &outputs)?;
    for (k, tensor) in found.into_iter().enumerate() {
        let mut value = importer.new_value(tensor);
        if k == 0 && is_smallest {
            value = importer.unary(&call.part("smallest"), Neg {}, &value)?;
        } else if k == 1 {
            value = importer.cast(&call.part("indices"), &value, TensorType::Int64)?;
        }
        importer.set(call, k, value)?;
    }
    Ok(())
}

fn one_hot(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let picked = importer.input(call, 0)?;
    let depth = importer.known_ints(call, 1)?.first().copied().unwrap_or(0);
    let size = usize::try_from(depth).unwrap_or(0);
    let values = importer.input(call, 2)?;
    let off = importer.cut(&call.part("off"), &values, &[(0, 0, 1, 1)])?;
    let on = importer.cut(&call.part("on"), &values, &[(0, 1, 2, 1)])?;
    let (off, on) = (
        importer.reshape(&call.part("off value"), &off, &[])?,
        importer.reshape(&call.part("on value"), &on, &[])?,
    );
    let indices = importer.indices(call, &picked, size)?;
    let depth = importer.builder.int(&call.part("depth"), size as i32)?;
    let rank = picked.axes.len() as i64 + 1;
    let axis = call.int("axis", -1);
    let axis = if axis < 0 { axis + rank } else { axis };
    // The last dimension is called -1.
    let op = OneHot { axis: if axis + 1 == rank { -1 } else { axis as i32 } };
    let kind = importer.kind(&values);
    let inputs = [indices, depth, on.tensor, off.tensor];
    let tensor = importer.builder.emit(call.name(), op, &inputs, kind)?;
    let result = importer.new_value(tensor);
    importer.set(call, 0, result)
}

fn cumulative(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let axis = importer.known_ints(call, 1)?.first().copied().unwrap_or(0);
    let axis = importer.axis(&value, axis)?;
    let stored =
        importer.builder.int(&call.part("axis"), value.axes.get(axis).copied().unwrap_or(0) as i32)?;
    let op = Cumsum { exclusive: call.int("exclusive", 0) != 0, reverse: call.int("reverse", 0) != 0 };
    let kind = importer.kind(&value);
    let tensor = importer.builder.emit(call.name(), op, &[value.tensor, stored], kind)?;
    importer.set(call, 0, Value { tensor, ..value })
}

fn reverse_sequence(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let (value, lengths) = (importer.input(call, 0)?, importer.input(call, 1)?);
    let op = ReverseSequence {
        seq_dim: call.int("time_axis", 0) as i32,
        batch_dim: call.int("batch_axis", 1) as i32,
    };
    let lengths = importer.cast(&call.part("lengths"), &lengths, TensorType::Int32)?;
    let (kind, tensor) = (importer.kind(&value), importer.plain(&value)?);
    let tensor = importer.builder.emit(call.name(), op, &[tensor, lengths.tensor], kind)?;
    let result = importer.new_value(tensor);
    importer.set(call, 0, result)
}
