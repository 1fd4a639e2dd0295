//! Operators that move elements: other shapes, orders and parts.

use sedge_schema::TensorType;
use sedge_schema::op::{
    BatchToSpaceNd, BroadcastArgs, BroadcastTo, Concatenation, DepthToSpace, Fill, MirrorMode, MirrorPad,
    Pack, Pad, PadV2, Range, ReverseV2, SpaceToBatchNd, SpaceToDepth, Split, SplitV, Tile, Unpack,
};

use super::call::{Call, Value, tensors};
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::{Operation, TensorId};

pub(super) fn handler(op: &str) -> Option<Handler> {
    Some(Handler::Tensors(match op {
        "BatchToSpaceND" => |i, c, x| {
            let x = lists(i, c, x)?;
            i.emit(&c.name, BatchToSpaceNd {}, &x)
        },
        "BroadcastArgs" => |i, c, x| i.emit(&c.name, BroadcastArgs {}, x),
        "BroadcastTo" => |i, c, x| {
            let x = lists(i, c, x)?;
            i.emit(&c.name, BroadcastTo {}, &x)
        },
        "Concat" | "ConcatV2" => concatenate,
        "DepthToSpace" => |i, c, x| {
            c.spatial("strides")?;
            i.emit(&c.name, DepthToSpace { block_size: c.int("block_size", 1)? }, x)
        },
        "ExpandDims" => expand,
        "Fill" => fill,
        "InvertPermutation" => invert,
        "MirrorPad" => mirror,
        "OnesLike" | "ZerosLike" => alike,
        "Pack" => pack,
        "Pad" => |i, c, x| {
            let x = lists(i, c, x)?;
            i.emit(&c.name, Pad {}, &x)
        },
        "PadV2" => |i, c, x| i.emit(&c.name, PadV2 {}, x),
        "Range" => |i, c, x| i.emit(&c.name, Range {}, x),
        "Rank" => |i, c, x| {
            let [x] = c.operands(x)?;
            let rank = i.dims(x).len();
            i.counted(c, "out_type", &[], &[rank])
        },
        "Reshape" => reshape,
        "ReverseV2" => |i, c, x| {
            let x = lists(i, c, x)?;
            i.emit(&c.name, ReverseV2 {}, &x)
        },
        "Shape" => |i, c, x| {
            let [x] = c.operands(x)?;
            let dims = i.dims(x);
            i.counted(c, "out_type", &[dims.len()], &dims)
        },
        "Size" => |i, c, x| {
            let [x] = c.operands(x)?;
            let size = i.dims(x).iter().product();
            i.counted(c, "out_type", &[], &[size])
        },
        "SpaceToBatchND" => |i, c, x| {
            let x = lists(i, c, x)?;
            i.emit(&c.name, SpaceToBatchNd {}, &x)
        },
        "SpaceToDepth" => |i, c, x| {
            c.spatial("strides")?;
            i.emit(&c.name, SpaceToDepth { block_size: c.int("block_size", 1)? }, x)
        },
        "Split" | "SplitV" | "Unpack" => return Some(Handler::Values(split)),
        "Squeeze" => squeeze,
        "Tile" => |i, c, x| {
            let x = lists(i, c, x)?;
            i.emit(&c.name, Tile {}, &x)
        },
        "Transpose" => transpose,
        _ => return None,
    }))
}

/// The inputs with those after the first as integers of 32 bits.
fn lists(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<Vec<TensorId>, Failure> {
    let mut all = Vec::new();
    for (i, &tensor) in x.iter().enumerate() {
        let is_list = i > 0 && importer.dims(tensor).len() < 2;
        all.push(if is_list { importer.narrow(&call.part(&format!("list {i}")), tensor)? } else { tensor });
    }
    Ok(all)
}

impl Importer<'_> {
    /// A dimension's number, which may count from the end.
    pub(super) fn axis(&self, rank: usize, axis: i32) -> Result<usize, Failure> {
        let place = if axis < 0 { axis + rank as i32 } else { axis };
        usize::try_from(place)
            .ok()
            .filter(|&a| a < rank)
            .ok_or_else(|| Failure::new(format!("axis {axis} is none of {rank} dimensions")))
    }

    /// Joins tensors along a new dimension.
    pub(super) fn packed(&mut self, name: &str, parts: &[TensorId], axis: i32) -> Result<TensorId, Failure> {
        self.emit(name, Pack { axis, values_count: parts.len() as i32 }, parts)
    }

    /// The tensor without some dimensions of size 1, or with new ones.
    fn reshaped(&mut self, call: &Call<'_>, x: TensorId, dims: &[usize]) -> Result<TensorId, Failure> {
        let result = self.builder.reshape(&call.name, x, dims)?;
        if dims.is_empty() {
            self.builder.graph.tensor_mut(result).has_rank = true;
        }
        Ok(result)
    }

    /// An operator that gives so many parts of one type.
    fn parts(
        &mut self,
        name: &str,
        op: impl Into<Operation>,
        x: &[TensorId],
        count: i32,
        kind: TensorType,
    ) -> Result<Vec<TensorId>, Failure> {
        let names: Vec<String> = (0..count).map(|i| format!("{name}:{i}")).collect();
        let outputs: Vec<(&str, TensorType)> = names.iter().map(|n| (n.as_str(), kind)).collect();
        let inputs: Vec<Option<TensorId>> = x.iter().copied().map(Some).collect();
        self.builder.emit_all(name, op, &inputs, &outputs)
    }

    /// The tensor's parts along a dimension, each without it.
    pub(super) fn unpacked(&mut self, name: &str, x: TensorId, axis: i32) -> Result<Vec<TensorId>, Failure> {
        let dims = self.dims(x);
        let place = self.axis(dims.len(), axis)?;
        let count = dims.get(place).copied().unwrap_or(0);
        let op = Unpack { num: count as i32, axis: place as i32 };
        let parts = self.parts(name, op, &[x], count as i32, self.builder.kind(x))?;
        if dims.len() == 1 {
            parts.iter().for_each(|&part| self.builder.graph.tensor_mut(part).has_rank = true);
        }
        Ok(parts)
    }
}

fn concatenate(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    // The older one has the axis in front.
    let split = if call.op() == "Concat" { x.split_first() } else { x.split_last() };
    let (&axis, parts) = split.ok_or_else(|| Failure::new("it has no inputs"))?;
    let axis = importer.int(axis)?;
    if let &[one] = parts {
        return Ok(one);
    }
    importer.emit(&call.name, Concatenation { axis, ..Concatenation::default() }, parts)
}

fn expand(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [x, axis] = call.operands(x)?;
    let mut dims = importer.dims(x);
    let axis = importer.axis(dims.len() + 1, importer.int(axis)?)?;
    dims.insert(axis, 1);
    importer.reshaped(call, x, &dims)
}

fn squeeze(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [x] = call.operands(x)?;
    let dims = importer.dims(x);
    let axes = call.ints("squeeze_dims")?;
    let axes = axes.iter().map(|&a| importer.axis(dims.len(), a)).collect::<Result<Vec<_>, _>>()?;
    let goes = |i: usize, d: usize| if axes.is_empty() { d == 1 } else { axes.contains(&i) };
    let left: Vec<usize> = dims.iter().enumerate().filter(|&(i, &d)| !goes(i, d)).map(|(_, &d)| d).collect();
    importer.reshaped(call, x, &left)
}

fn reshape(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [x, list] = call.operands(x)?;
    let list = importer.ints(list)?;
    let elements: usize = importer.dims(x).iter().product();
    let known: usize = list
        .iter()
        .filter(|&&d| d != -1)
        .map(|&d| usize::try_from(d).unwrap_or(usize::MAX))
        .fold(1, usize::saturating_mul);
    let open = elements.checked_div(known).unwrap_or(0);
    let dims: Vec<usize> = list.iter().map(|&d| usize::try_from(d).unwrap_or(open)).collect();
    importer.reshaped(call, x, &dims)
}

fn transpose(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [x, order] = call.operands(x)?;
    let rank = importer.dims(x).len();
    let order = importer.ints(order)?;
    let order = order.iter().map(|&a| importer.axis(rank, a)).collect::<Result<Vec<_>, _>>()?;
    if order.len() != rank {
        return Err(Failure::new(format!("the order {order:?} is not of {rank} dimensions")));
    }
    importer.builder.transpose(&call.name, x, &order)
}

fn invert(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [order] = call.operands(x)?;
    let order = importer.ints(order)?;
    let mut inverse = vec![0; order.len()];
    for (i, &place) in order.iter().enumerate() {
        let place = importer.axis(order.len(), place)?;
        inverse.iter_mut().skip(place).take(1).for_each(|p| *p = i);
    }
    importer.counted(call, "T", &[inverse.len()], &inverse)
}

fn fill(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [dims, value] = call.operands(x)?;
    let dims = importer.narrow(&call.part("dims"), dims)?;
    let kind = importer.builder.kind(value);
    importer.builder.emit(&call.name, Fill {}, &[dims, value], kind)
}

fn alike(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [x] = call.operands(x)?;
    let (kind, dims) = (importer.builder.kind(x), importer.dims(x));
    let is_one = call.op() == "OnesLike";
    let bytes = match kind {
        TensorType::Float32 => f32::to_le_bytes(if is_one { 1.0 } else { 0.0 }).to_vec(),
        TensorType::Int32 => i32::from(is_one).to_le_bytes().to_vec(),
        TensorType::Int64 => i64::from(is_one).to_le_bytes().to_vec(),
        TensorType::Bool => vec![is_one.into()],
        other => return Err(Failure::new(format!("elements of {other:?} are not supported"))),
    };
    let value = importer.builder.constant(&call.part("value"), kind, &[], bytes)?;
    importer.builder.graph.tensor_mut(value).has_rank = true;
    let dims = importer.shape_list(&call.part("dims"), &dims)?;
    importer.builder.emit(&call.name, Fill {}, &[dims, value], kind)
}

fn mirror(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let mode = match call.text("mode") {
        Some("SYMMETRIC") => MirrorMode::Symmetric,
        _ => MirrorMode::Reflect,
    };
    importer.emit(&call.name, MirrorPad { mode }, x)
}

fn pack(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    importer.packed(&call.name, x, call.int("axis", 0)?)
}

fn split<'m>(importer: &mut Importer<'m>, call: &Call<'m>, x: &[Value]) -> Result<Vec<Value>, Failure> {
    let x = tensors(x)?;
    let parts = match call.op() {
        "Unpack" => {
            let [x] = call.operands(&x)?;
            importer.unpacked(&call.name, x, call.int("axis", 0)?)?
        }
        "Split" => {
            let [axis, x] = call.operands(&x)?;
            let num_splits = parts(call)?;
            importer.parts(
                &call.name,
                Split { num_splits },
                &[axis, x],
                num_splits,
                importer.builder.kind(x),
            )?
        }
        _ => {
            let [x, sizes, axis] = call.operands(&x)?;
            let sizes = importer.narrow(&call.part("sizes"), sizes)?;
            let num_splits = parts(call)?;
            let kind = importer.builder.kind(x);
            importer.parts(&call.name, SplitV { num_splits }, &[x, sizes, axis], num_splits, kind)?
        }
    };
    Ok(parts.into_iter().map(Value::Tensor).collect())
}

/// How many parts a node makes.
fn parts(call: &Call<'_>) -> Result<i32, Failure> {
    let count = call.int("num_split", 1)?;
    match (1..=256).contains(&count) {
        true => Ok(count),
        false => Err(Failure::new(format!("{count} parts are not supported"))),
    }
}
