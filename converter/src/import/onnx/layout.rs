//! Operators that give the same elements another shape or order, join and cut tensors, or add borders.

use sedge_schema::TensorType;
use sedge_schema::op::{
    BroadcastTo, Concatenation, DepthToSpace, MirrorMode, MirrorPad, Pad, PadV2, SpaceToDepth, SplitV,
    StridedSlice, Tile,
};

use super::call::Call;
use super::value::{Value, channels_last};
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::TensorId;

pub(super) fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "Concat" => concat,
        "DepthToSpace" | "SpaceToDepth" => blocks,
        "Expand" => expand,
        "Flatten" => flatten,
        "Pad" => pad,
        "Reshape" => reshape,
        "Slice" => slice,
        "Split" => split,
        "Squeeze" => squeeze,
        "Tile" => tile,
        "Transpose" => transpose,
        "Unsqueeze" => unsqueeze,
        _ => return None,
    })
}

fn reshape(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let asked = importer.known_ints(call, 1)?;
    let dims = importer.dims(&value);
    let keeps_zero = call.int("allowzero", 0) != 0;
    let mut wanted = Vec::new();
    for (i, &size) in asked.iter().enumerate() {
        wanted.push(match size {
            0 if !keeps_zero => dims.get(i).copied().map(|d| d as i64).unwrap_or(0),
            size => size,
        });
    }
    let elements: usize = dims.iter().product();
    let known = wanted.iter().filter(|&&d| d >= 0).try_fold(1usize, |n, &d| n.checked_mul(d as usize));
    let known = known.ok_or_else(|| Failure::new(format!("the shape {asked:?} is too large")))?;
    if wanted.iter().filter(|&&d| d < 0).count() > 1 || wanted.iter().any(|&d| d < -1) {
        return call.refuse(format!("{asked:?} is no shape"));
    }
    let rest = elements.checked_div(known).unwrap_or(0);
    let wanted: Vec<usize> = wanted.iter().map(|&d| if d < 0 { rest } else { d as usize }).collect();
    let result = importer.reshape(call.name(), &value, &wanted)?;
    importer.set(call, 0, result)
}

fn flatten(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let dims = importer.dims(&value);
    let axis = call.int("axis", 1);
    let axis = if axis < 0 { axis + dims.len() as i64 } else { axis } as usize;
    let Some((outer, inner)) = dims.split_at_checked(axis) else {
        return call.refuse(format!("axis {axis} is none of {} dimensions", dims.len()));
    };
    let dims = [outer.iter().product(), inner.iter().product()];
    let result = importer.reshape(call.name(), &value, &dims)?;
    importer.set(call, 0, result)
}

/// Only the order of the dimensions' names changes; nothing moves until somebody needs it.
fn transpose(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let rank = value.axes.len();
    let reversed: Vec<i64> = (0..rank as i64).rev().collect();
    let order = call.ints("perm").unwrap_or(&reversed);
    let axes: Option<Vec<usize>> =
        order.iter().map(|&from| value.axes.get(usize::try_from(from).ok()?).copied()).collect();
    let mut seen = axes.clone().unwrap_or_default();
    seen.sort_unstable();
    seen.dedup();
    match axes {
        Some(axes) if seen.len() == rank => importer.set(call, 0, Value { axes, ..value }),
        _ => call.refuse(format!("{order:?} is no order of {rank} dimensions")),
    }
}

impl Importer<'_> {
    /// The axes of Squeeze, Unsqueeze and reductions: an attribute first, an input later.
    pub(super) fn axes(&mut self, call: &Call<'_>, input_since: i64) -> Result<Option<Vec<i64>>, Failure> {
        match call.opset >= input_since {
            true if call.has(1) => self.known_ints(call, 1).map(Some),
            true => Ok(None),
            false => Ok(call.ints("axes").map(<[i64]>::to_vec)),
        }
    }
}

fn squeeze(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let dims = importer.dims(&value);
    let gone: Vec<usize> = match importer.axes(call, 13)? {
        Some(axes) => axes.iter().map(|&a| importer.axis(&value, a)).collect::<Result<_, _>>()?,
        None => (0..dims.len()).filter(|&axis| dims.get(axis) == Some(&1)).collect(),
    };
    if gone.iter().any(|&axis| dims.get(axis) != Some(&1)) {
        return call.refuse(format!("{gone:?} of the shape {dims:?} are not all 1"));
    }
    let kept: Vec<usize> =
        dims.iter().enumerate().filter(|(axis, _)| !gone.contains(axis)).map(|(_, &d)| d).collect();
    let result = importer.reshape(call.name(), &value, &kept)?;
    importer.set(call, 0, result)
}

fn unsqueeze(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let mut dims = importer.dims(&value).into_iter();
    let axes = importer.axes(call, 13)?.unwrap_or_default();
    let rank = dims.len() + axes.len();
    let new: Vec<i64> = axes.iter().map(|&a| if a < 0 { a + rank as i64 } else { a }).collect();
    let is_new = |axis: usize| new.contains(&(axis as i64));
    let wanted: Vec<usize> =
        (0..rank).filter_map(|axis| if is_new(axis) { Some(1) } else { dims.next() }).collect();
    if wanted.len() != rank || dims.next().is_some() {
        return call.refuse(format!("{axes:?} are no axes of {rank} dimensions"));
    }
    let result = importer.reshape(call.name(), &value, &wanted)?;
    importer.set(call, 0, result)
}

fn concat(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let mut values = Vec::new();
    for i in 0..call.inputs() {
        values.push(importer.input(call, i)?);
    }
    let Some(first) = values.first().cloned() else { return call.refuse("there is nothing to join") };
    let axis = importer.axis(&first, call.int("axis", 0))?;
    // Nothing is added by tensors without elements.
    let empty = |v: &Value| importer.builder.graph.tensor(v.tensor).shape.elements() == 0;
    let filled: Vec<Value> = values.iter().filter(|v| !empty(v)).cloned().collect();
    let values = if filled.is_empty() { values } else { filled };
    let parts: Vec<&Value> = values.iter().collect();
    if parts.iter().any(|v| v.axes.len() != first.axes.len()) {
        return call.refuse("the tensors to join have different numbers of dimensions");
    }
    // The order of most of them.
    let axes = parts.iter().map(|v| &v.axes).max_by_key(|axes| {
        let computed = |v: &&&Value| !importer.builder.graph.tensor(v.tensor).is_constant();
        parts.iter().filter(computed).filter(|v| v.axes == **axes).count()
    });
    let axes = axes.cloned().unwrap_or_default();
    let mut tensors: Vec<TensorId> = Vec::new();
    for value in &parts {
        tensors.push(importer.arrange(value, &axes)?);
    }
    let kind = importer.kind(&first);
    if let [only] = tensors.as_slice() {
        return importer.set(call, 0, Value { tensor: *only, axes });
    }
    let stored = axes.get(axis).copied().unwrap_or(0) as i32;
    let op = Concatenation { axis: stored, ..Concatenation::default() };
    let tensor = importer.builder.emit(call.name(), op, &tensors, kind)?;
    importer.set(call, 0, Value { tensor, axes })
}

fn split(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let axis = importer.axis(&value, call.int("axis", 0))?;
    let size = importer.dims(&value).get(axis).copied().unwrap_or(0);
    let parts = call.node.output.len().max(1);
    let sizes = match call.opset >= 13 {
        true if call.has(1) => Some(importer.known_ints(call, 1)?),
        true => None,
        false => call.ints("split").map(<[i64]>::to_vec),
    };
    let sizes = sizes.unwrap_or_else(|| {
        let share = size.div_ceil(parts);
        (0..parts).map(|k| share.min(size.saturating_sub(share * k)) as i64).collect()
    });
    if sizes.len() != parts || sizes.iter().sum::<i64>() != size as i64 || sizes.iter().any(|&s| s < 0) {
        return call.refuse(format!("{size} elements cannot be cut into {sizes:?}"));
    }
    let kind = importer.kind(&value);
    let list: Vec<i32> = sizes.iter().map(|&s| s as i32).collect();
    let list = importer.builder.ints(&call.part("sizes"), &list)?;
    let stored = value.axes.get(axis).copied().unwrap_or(0) as i32;
    let stored = importer.builder.int(&call.part("axis"), stored)?;
    let names: Vec<String> = (0..parts).map(|k| part_name(call, k)).collect();
    let outputs: Vec<(&str, TensorType)> = names.iter().map(|n| (n.as_str(), kind)).collect();
    let inputs = [Some(value.tensor), Some(list), Some(stored)];
    let op = SplitV { num_splits: parts as i32 };
    let tensors = importer.builder.emit_all(call.name(), op, &inputs, &outputs)?;
    for (k, tensor) in tensors.into_iter().enumerate() {
        importer.set(call, k, Value { tensor, axes: value.axes.clone() })?;
    }
    Ok(())
}

fn part_name(call: &Call<'_>, k: usize) -> String {
    let name = call.node.output.get(k).filter(|name| !name.is_empty());
    name.cloned().unwrap_or_else(|| call.part(&k.to_string()))
}

fn slice(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let (starts, ends, axes, steps) = if call.opset < 10 {
        let list = |name: &str| call.ints(name).map(<[i64]>::to_vec);
        (list("starts").unwrap_or_default(), list("ends").unwrap_or_default(), list("axes"), None)
    } else {
        let mut list = |i: usize| if call.has(i) { importer.known_ints(call, i).map(Some) } else { Ok(None) };
        let (axes, steps) = (list(3)?, list(4)?);
        (importer.known_ints(call, 1)?, importer.known_ints(call, 2)?, axes, steps)
    };
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
    if ends.len() != starts.len() || axes.len() != starts.len() || steps.len() != starts.len() {
        return call.refuse("starts, ends, axes and steps have different lengths");
    }
    let mut cuts = Vec::new();
    for (i, &axis) in axes.iter().enumerate() {
        let axis = importer.axis(&value, axis)?;
        let of = |list: &[i64]| list.get(i).copied().unwrap_or(0);
        cuts.push((axis, of(&starts), of(&ends), of(&steps)));
    }
    let result = importer.cut(call.name(), &value, &cuts)?;
    importer.set(call, 0, result)
}

impl Importer<'_> {
    /// Cuts logical dimensions, each given as axis, start, end and step, as NumPy does.
    pub(super) fn cut(
        &mut self,
        name: &str,
        value: &Value,
        cuts: &[(usize, i64, i64, i64)],
    ) -> Result<Value, Failure> {
        let rank = value.axes.len();
        let dims = self.dims(value);
        let (mut begin, mut end, mut strides) = (vec![0i32; rank], vec![0i32; rank], vec![1i32; rank]);
        // Where a cut goes backwards to the first element, its end can only be said by the mask.
        let mut end_mask = 0;
        let mut is_whole = true;
        for (axis, &place) in value.axes.iter().enumerate() {
            let size = dims.get(axis).copied().unwrap_or(0) as i64;
            let cut = cuts.iter().find(|cut| cut.0 == axis);
            let &(_, start, stop, step) = cut.unwrap_or(&(axis, 0, size, 1));
            if step == 0 {
                return Err(Failure::new("a step is 0"));
            }
            let from_start = |at: i64| if at < 0 { at.saturating_add(size) } else { at };
            let (low, high) = if step > 0 { (0, size) } else { (-1, size - 1) };
            // A start may be one behind the last element where nothing is left.
            let start = from_start(start).clamp(low.max(0), high.max(0));
            let stop = if stop < -size { low } else { from_start(stop).clamp(low, high) };
            is_whole &= (start, stop, step) == (0, size, 1);
            if let (Some(b), Some(e), Some(s)) =
                (begin.get_mut(place), end.get_mut(place), strides.get_mut(place))
            {
                *b = start as i32;
                *e = stop.max(0) as i32;
                *s = step.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
                if stop < 0 {
                    end_mask |= 1 << place;
                }
            }
        }
        if is_whole {
            return Ok(value.clone());
        }
        let begin = self.builder.ints(&format!("{name}/begin"), &begin)?;
        let end = self.builder.ints(&format!("{name}/end"), &end)?;
        let strides = self.builder.ints(&format!("{name}/strides"), &strides)?;
        let op = StridedSlice { end_mask, ..StridedSlice::default() };
        let kind = self.kind(value);
        let tensor = self.builder.emit(name, op, &[value.tensor, begin, end, strides], kind)?;
        Ok(Value { tensor, axes: value.axes.clone() })
    }

    /// Adds borders of these sizes (`[before, after]` for each logical dimension) that hold `fill`; those of
    /// real 0 where that is `None`.
    pub(super) fn padded(
        &mut self,
        name: &str,
        value: &Value,
        borders: &[[i64; 2]],
        fill: Option<TensorId>,
    ) -> Result<Value, Failure> {
        if borders.iter().all(|b| *b == [0, 0]) {
            return Ok(value.clone());
        }
        let list = self.borders(name, value, borders)?;
        let kind = self.kind(value);
        let tensor = match fill {
            None => self.builder.emit(name, Pad {}, &[value.tensor, list], kind)?,
            Some(fill) => self.builder.emit(name, PadV2 {}, &[value.tensor, list, fill], kind)?,
        };
        Ok(Value { tensor, axes: value.axes.clone() })
    }

    /// Adds borders that mirror what lies inside.
    pub(super) fn mirrored(
        &mut self,
        name: &str,
        value: &Value,
        borders: &[[i64; 2]],
        mode: MirrorMode,
    ) -> Result<Value, Failure> {
        let list = self.borders(name, value, borders)?;
        let kind = self.kind(value);
        let tensor = self.builder.emit(name, MirrorPad { mode }, &[value.tensor, list], kind)?;
        Ok(Value { tensor, axes: value.axes.clone() })
    }

    fn borders(&mut self, name: &str, value: &Value, borders: &[[i64; 2]]) -> Result<TensorId, Failure> {
        let rank = value.axes.len();
        let mut bytes = vec![0u8; 8 * rank];
        for (border, &place) in borders.iter().zip(&value.axes) {
            for (k, &size) in border.iter().enumerate() {
                let size = i32::try_from(size).map_err(|_| Failure::new("a border is too large"))?;
                let at = 8 * place + 4 * k;
                if let Some(to) = bytes.get_mut(at..at + 4) {
                    to.copy_from_slice(&size.to_le_bytes());
                }
            }
        }
        self.builder.constant(&format!("{name}/borders"), TensorType::Int32, &[rank, 2], bytes)
    }
}

fn pad(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let rank = value.axes.len();
    let pads = match call.opset >= 11 {
        true => importer.known_ints(call, 1)?,
        false => call.ints("pads").unwrap_or_default().to_vec(),
    };
    let axes: Vec<usize> = match call.has(3) {
        true => {
            let axes = importer.known_ints(call, 3)?;
            axes.iter().map(|&a| importer.axis(&value, a)).collect::<Result<_, _>>()?
        }
        false => (0..rank).collect(),
    };
    if pads.len() != 2 * axes.len() {
        return call.refuse(format!("{} borders for {} dimensions", pads.len(), axes.len()));
    }
    let mut borders = vec![[0i64; 2]; rank];
    for (k, &axis) in axes.iter().enumerate() {
        if let Some(border) = borders.get_mut(axis) {
            *border = [0, axes.len()].map(|half| pads.get(k + half).copied().unwrap_or(0));
        }
    }
    // Negative borders cut.
    let dims = importer.dims(&value);
    let cuts: Vec<_> = borders
        .iter()
        .zip(&dims)
        .enumerate()
        .map(|(axis, (b, &d))| (axis, (-b[0]).max(0), d as i64 - (-b[1]).max(0), 1))
        .collect();
    let value = importer.cut(&call.part("cut"), &value, &cuts)?;
    borders.iter_mut().flatten().for_each(|b| *b = (*b).max(0));
    let result = match call.text("mode", "constant") {
        "constant" => {
            let fill = match call.opset >= 11 {
                true => importer.optional(call, 2)?,
                false => Some(importer.scalar(&call.part("fill"), call.float("value", 0.0))?),
            };
            let is_zero = match &fill {
                None => true,
                Some(fill) => {
                    importer.floats_of(fill)?.is_some_and(|v| v == [0.0])
                        || importer.ints_of(fill)?.is_some_and(|v| v == [0])
                }
            };
            let fill = fill.filter(|_| !is_zero).map(|fill| fill.tensor);
            importer.padded(call.name(), &value, &borders, fill)?
        }
        "reflect" => importer.mirrored(call.name(), &value, &borders, MirrorMode::Reflect)?,
        "edge" if borders.iter().flatten().all(|&b| b <= 1) => {
            importer.mirrored(call.name(), &value, &borders, MirrorMode::Symmetric)?
        }
        other => return call.refuse(format!("borders of mode '{other}' are not supported")),
    };
    importer.set(call, 0, result)
}

fn expand(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let asked = importer.known_ints(call, 1)?;
    let from = importer.dims(&value);
    let rank = from.len().max(asked.len());
    let ones = std::iter::repeat_n(1, rank - from.len());
    let from: Vec<usize> = ones.chain(from).collect();
    let mut dims = from.clone();
    for (dim, &size) in dims.iter_mut().rev().zip(asked.iter().rev()) {
        *dim = (*dim).max(usize::try_from(size).unwrap_or(0));
    }
    let value = importer.reshape(&call.part("operand"), &value, &from)?;
    if dims == from {
        return importer.set(call, 0, value);
    }
    let stored: Vec<i32> = super::value::stored(&dims, &value.axes).iter().map(|&d| d as i32).collect();
    let list = importer.builder.ints(&call.part("shape"), &stored)?;
    let kind = importer.kind(&value);
    let tensor = importer.builder.emit(call.name(), BroadcastTo {}, &[value.tensor, list], kind)?;
    importer.set(call, 0, Value { tensor, ..value })
}

fn tile(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let repeats = importer.known_ints(call, 1)?;
    if repeats.len() != value.axes.len() || repeats.iter().any(|&r| !(0..=1 << 24).contains(&r)) {
        return call.refuse(format!("{repeats:?} does not fit {} dimensions", value.axes.len()));
    }
    let repeats: Vec<usize> = repeats.iter().map(|&r| r as usize).collect();
    let stored: Vec<i32> = super::value::stored(&repeats, &value.axes).iter().map(|&r| r as i32).collect();
    let list = importer.builder.ints(&call.part("repeats"), &stored)?;
    let kind = importer.kind(&value);
    let tensor = importer.builder.emit(call.name(), Tile {}, &[value.tensor, list], kind)?;
    importer.set(call, 0, Value { tensor, ..value })
}

/// The graph's operators count blocks before channels, as ONNX's mode DCR does. In mode CRD the channels come
/// first, which is a change of shape and order.
fn blocks(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let dims = importer.dims(&value);
    let (&[n, c, h, w], size) = (dims.as_slice(), call.int("blocksize", 0)) else {
        return call.refuse("the input must have 4 dimensions");
    };
    let block = usize::try_from(size).unwrap_or(0);
    if block == 0 || block > 1 << 12 {
        return call.refuse(format!("there are no blocks of size {size}"));
    }
    let image = importer.arrange(&value, &channels_last(4))?;
    let kind = importer.kind(&value);
    let axes = channels_last(4);
    if call.op() == "SpaceToDepth" {
        let op = SpaceToDepth { block_size: size as i32 };
        let tensor = importer.builder.emit(call.name(), op, &[image], kind)?;
        return importer.set(call, 0, Value { tensor, axes });
    }
    if call.text("mode", "DCR") == "CRD" {
        // [n, c, b, b, h, w] to [n, c, h, b, w, b].
        let split = [n, c / (block * block), block, block, h, w];
        let value = importer.reshape(&call.part("split"), &value, &split)?;
        let axes = [0, 1, 4, 2, 5, 3].map(|from: usize| value.axes.get(from).copied().unwrap_or(0));
        let value = Value { axes: axes.to_vec(), ..value };
        let joined = [n, c / (block * block), h * block, w * block];
        let result = importer.reshape(call.name(), &value, &joined)?;
        return importer.set(call, 0, result);
    }
    let op = DepthToSpace { block_size: size as i32 };
    let tensor = importer.builder.emit(call.name(), op, &[image], kind)?;
    importer.set(call, 0, Value { tensor, axes })
}
