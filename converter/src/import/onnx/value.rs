//! Values and the order in which their dimensions are stored.
//!
//! The dimensions that ONNX knows are the logical ones. `axes[i]` says at which place logical dimension `i` is
//! stored: an image `[batch, channels, rows, columns]` whose channels are stored last has the axes 0, 3, 1, 2.

use std::collections::HashMap;

use sedge_schema::TensorType;
use sedge_schema::op::{Reshape, Transpose};

use super::call::Call;
use super::proto::bounded;
use super::quantized::Integers;
use super::{Importer, tensor};
use crate::Failure;
use crate::graph::TensorId;

/// A tensor, and where each of its logical dimensions is stored.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) tensor: TensorId,
    pub(super) axes: Vec<usize>,
}

/// Values that were put into another order already.
pub(super) type Cache = HashMap<(TensorId, Vec<usize>), TensorId>;

/// Dimensions stored in their logical order.
pub(super) fn plain(rank: usize) -> Vec<usize> {
    (0..rank).collect()
}

/// Dimension 1, the channels, stored last.
pub(super) fn channels_last(rank: usize) -> Vec<usize> {
    (0..rank)
        .map(|axis| match axis {
            0 => 0,
            1 => rank - 1,
            _ => axis - 1,
        })
        .collect()
}

/// The sizes in stored order of logical dimensions.
pub(super) fn stored(dims: &[usize], axes: &[usize]) -> Vec<usize> {
    let mut stored = vec![1; dims.len()];
    for (&dim, &axis) in dims.iter().zip(axes) {
        if let Some(place) = stored.get_mut(axis) {
            *place = dim;
        }
    }
    stored
}

impl Importer<'_> {
    /// Whether there is a value or a constant of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name) || self.constants.contains_key(name)
    }

    /// The value of this name; a constant comes into the graph when it is first asked for.
    pub(super) fn value(&mut self, name: &str) -> Result<Value, Failure> {
        if let Some(value) = self.values.get(name) {
            return Ok(value.clone());
        }
        let proto = self.constants.remove(name);
        let proto = proto.ok_or_else(|| Failure::new(format!("nothing writes '{name}'")))?;
        let value = self.constant(name, proto)?;
        self.values.insert(name.to_owned(), value.clone());
        Ok(value)
    }

    /// Adds a constant of the model to the graph; float16 and float64 become float32.
    pub(super) fn constant(
        &mut self,
        name: &str,
        proto: &super::proto::TensorProto,
    ) -> Result<Value, Failure> {
        let tensor::Constant { tensor_type, dims, bytes } = tensor::constant(proto, self.folder)?;
        let (tensor_type, bytes) = as_float32(tensor_type, bytes);
        let tensor = self.builder.constant(name, tensor_type, &dims, bytes)?;
        Ok(Value { tensor, axes: plain(dims.len()) })
    }

    /// Input `i` of a node.
    pub(super) fn input(&mut self, call: &Call<'_>, i: usize) -> Result<Value, Failure> {
        match call.node.input.get(i).filter(|name| !name.is_empty()) {
            Some(name) => self.value(name),
            None => Err(Failure::new(format!("input {i} is missing"))),
        }
    }

    /// Input `i` of a node where it is there.
    pub(super) fn optional(&mut self, call: &Call<'_>, i: usize) -> Result<Option<Value>, Failure> {
        if call.has(i) { self.input(call, i).map(Some) } else { Ok(None) }
    }

    /// Names output `k` of a node.
    pub(super) fn set(&mut self, call: &Call<'_>, k: usize, value: Value) -> Result<(), Failure> {
        let Some(name) = call.node.output.get(k).filter(|name| !name.is_empty()) else { return Ok(()) };
        if self.has(name) {
            return Err(Failure::new(format!("'{name}' is written twice")));
        }
        self.values.insert(name.clone(), value);
        Ok(())
    }

    /// The logical dimensions.
    pub(super) fn dims(&self, value: &Value) -> Vec<usize> {
        let shape = self.builder.graph.tensor(value.tensor).shape;
        value.axes.iter().map(|&axis| shape.dim(axis)).collect()
    }

    /// The element type.
    pub(super) fn kind(&self, value: &Value) -> TensorType {
        self.builder.graph.tensor(value.tensor).tensor_type
    }

    /// A logical axis, counted from the end where negative.
    pub(super) fn axis(&self, value: &Value, axis: i64) -> Result<usize, Failure> {
        let rank = value.axes.len() as i64;
        let from_start = if axis < 0 { axis + rank } else { axis };
        match (0..rank).contains(&from_start) {
            true => Ok(from_start as usize),
            false => Err(Failure::new(format!("axis {axis} is none of {rank} dimensions"))),
        }
    }

    /// The value with its dimensions stored in logical order.
    pub(super) fn plain(&mut self, value: &Value) -> Result<TensorId, Failure> {
        self.arrange(value, &plain(value.axes.len()))
    }

    /// The value with its dimensions stored as `axes` say.
    pub(super) fn arrange(&mut self, value: &Value, axes: &[usize]) -> Result<TensorId, Failure> {
        if value.axes == axes {
            return Ok(value.tensor);
        }
        let rank = axes.len();
        // For each place of the result the place of the source.
        let mut order = vec![0; rank];
        for (&to, &from) in axes.iter().zip(&value.axes) {
            if let Some(place) = order.get_mut(to) {
                *place = from;
            }
        }
        let key = (value.tensor, order.clone());
        if let Some(&tensor) = self.arranged.get(&key) {
            return Ok(tensor);
        }
        if let Some(Integers { raw, quantization }) = self.integers.get(&value.tensor).cloned() {
            let name = format!("{}/arranged", self.builder.graph.tensor(value.tensor).name);
            let raw = self.arrange(&Value { tensor: raw, axes: value.axes.clone() }, axes)?;
            let result = self.dequantized(&name, raw, axes.to_vec(), quantization)?.tensor;
            self.arranged.insert(key, result);
            return Ok(result);
        }
        let tensor = self.builder.graph.tensor(value.tensor);
        let (kind, shape, name) = (tensor.tensor_type, tensor.shape, tensor.name.clone());
        let moved: Vec<usize> = order.iter().copied().filter(|&axis| shape.dim(axis) != 1).collect();
        let result = if moved.is_sorted() {
            let dims: Vec<usize> = order.iter().map(|&axis| shape.dim(axis)).collect();
            self.reshape_stored(&format!("{name}/reshaped"), value.tensor, &dims)?
        } else {
            let order: Vec<i32> = order.iter().map(|&axis| axis as i32).collect();
            let order = self.builder.ints(&format!("{name}/order"), &order)?;
            let name = format!("{name}/transposed");
            self.builder.emit(&name, Transpose {}, &[value.tensor, order], kind)?
        };
        self.arranged.insert(key, result);
        Ok(result)
    }

    /// A tensor with other dimensions, in stored order.
    pub(super) fn reshape_stored(
        &mut self,
        name: &str,
        tensor: TensorId,
        dims: &[usize],
    ) -> Result<TensorId, Failure> {
        let shape = self.builder.graph.tensor(tensor).shape;
        if shape.rank() == dims.len() && dims.iter().enumerate().all(|(i, &d)| shape.dim(i) == d) {
            return Ok(tensor);
        }
        let kind = self.builder.graph.tensor(tensor).tensor_type;
        // A shape without dimensions can only be told by a list without elements.
        let list: Vec<i32> = dims.iter().map(|&d| i32::try_from(d).unwrap_or(i32::MAX)).collect();
        let list = self.builder.ints(&format!("{name}/shape"), &list)?;
        let result = self.builder.emit(name, Reshape::default(), &[tensor, list], kind)?;
        self.builder.graph.tensor_mut(result).has_rank = dims.is_empty();
        Ok(result)
    }

    /// The value with other logical dimensions of the same number of elements. Dimensions that are split or
    /// merged stay where they are stored, as far as that can be.
    pub(super) fn reshape(&mut self, name: &str, value: &Value, dims: &[usize]) -> Result<Value, Failure> {
        let from = self.dims(value);
        if from == dims {
            return Ok(value.clone());
        }
        if let Some(Integers { raw, quantization: q }) = self.integers.get(&value.tensor).cloned()
            && (q.scales.len() == 1 || q.axis == 0 && from.first() == dims.first())
        {
            let raw = self.reshape(name, &Value { tensor: raw, axes: value.axes.clone() }, dims)?;
            return self.dequantized(&format!("{name}/real"), raw.tensor, raw.axes, q);
        }
        let count = |dims: &[usize]| dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        if count(&from) != count(dims) {
            return Err(Failure::new(format!("{from:?} elements cannot have the shape {dims:?}")));
        }
        let Some(groups) = groups(&from, dims) else {
            let tensor = self.plain(value)?;
            let tensor = self.reshape_stored(name, tensor, dims)?;
            return Ok(Value { tensor, axes: plain(dims.len()) });
        };
        // Groups in the order in which their first dimensions are stored.
        let first = |g: &Group| g.from.iter().filter_map(|&axis| value.axes.get(axis)).min().copied();
        let mut sorted = groups;
        sorted.sort_by_key(first);
        let wanted: Vec<usize> = sorted.iter().flat_map(|g| g.from.iter().copied()).collect();
        let ones = (0..from.len()).filter(|axis| !wanted.contains(axis));
        let places: Vec<usize> = wanted.iter().filter_map(|&axis| value.axes.get(axis)).copied().collect();
        let tensor = if places.is_sorted() {
            value.tensor
        } else {
            let order: Vec<usize> = ones.chain(wanted.iter().copied()).collect();
            let mut axes = vec![0; from.len()];
            for (place, &axis) in order.iter().enumerate() {
                if let Some(a) = axes.get_mut(axis) {
                    *a = place;
                }
            }
            self.arrange(value, &axes)?
        };
        let order = with_ones(dims, sorted.iter().flat_map(|g| g.to.iter().copied()).collect());
        let stored: Vec<usize> = order.iter().filter_map(|&axis| dims.get(axis)).copied().collect();
        let mut axes = vec![0; dims.len()];
        for (place, &axis) in order.iter().enumerate() {
            if let Some(a) = axes.get_mut(axis) {
                *a = place;
            }
        }
        let tensor = self.reshape_stored(name, tensor, &stored)?;
        Ok(Value { tensor, axes })
    }

    /// The integers of a constant, bounded; `None` where it is none.
    pub(super) fn ints_of(&mut self, value: &Value) -> Result<Option<Vec<i64>>, Failure> {
        let tensor = self.plain(value)?;
        let tensor = self.builder.graph.tensor(tensor);
        let Some(data) = tensor.data.as_deref() else { return Ok(None) };
        Ok(Some(match tensor.tensor_type {
            TensorType::Int64 => data.as_chunks().0.iter().map(|&b| bounded(i64::from_le_bytes(b))).collect(),
            TensorType::Int32 => {
                data.as_chunks().0.iter().map(|&b| bounded(i32::from_le_bytes(b).into())).collect()
            }
            TensorType::UInt8 | TensorType::Bool => data.iter().map(|&b| b.into()).collect(),
            TensorType::Int8 => data.iter().map(|&b| i64::from(b as i8)).collect(),
            TensorType::Int16 => data.as_chunks().0.iter().map(|&b| i16::from_le_bytes(b).into()).collect(),
            TensorType::UInt16 => data.as_chunks().0.iter().map(|&b| u16::from_le_bytes(b).into()).collect(),
            // A count may be given as a real number.
            TensorType::Float32 => {
                let floats = tensor.floats().unwrap_or_default();
                let whole = floats.iter().all(|v| v.fract() == 0.0 && v.abs() < 1e9);
                return Ok(whole.then(|| floats.iter().map(|&v| v as i64).collect()));
            }
            _ => return Ok(None),
        }))
    }

    /// The integers of input `i`, which must be known.
    pub(super) fn known_ints(&mut self, call: &Call<'_>, i: usize) -> Result<Vec<i64>, Failure> {
        let value = self.input(call, i)?;
        self.ints_of(&value)?.ok_or_else(|| {
            Failure::new(format!("input {i} must be known before the model runs, but is computed"))
                .help("fix the shapes of the inputs with --input-shape")
        })
    }

    /// The real numbers of a constant, in logical order; `None` where it is none.
    pub(super) fn floats_of(&mut self, value: &Value) -> Result<Option<Vec<f32>>, Failure> {
        if !self.builder.graph.tensor(value.tensor).is_constant() {
            return Ok(None);
        }
        let tensor = self.plain(value)?;
        Ok(self.builder.graph.tensor(tensor).floats())
    }

    /// The real numbers of input `i`, which must be known.
    pub(super) fn known_floats(&mut self, call: &Call<'_>, i: usize) -> Result<Vec<f32>, Failure> {
        let value = self.input(call, i)?;
        let floats = self.floats_of(&value)?;
        floats.ok_or_else(|| Failure::new(format!("input {i} must be a constant of real numbers")))
    }

    /// A new value stored in logical order.
    pub(super) fn new_value(&self, tensor: TensorId) -> Value {
        let rank = self.builder.graph.tensor(tensor).shape.rank();
        Value { tensor, axes: plain(rank) }
    }
}

/// Float constants as float32, others as they are.
fn as_float32(tensor_type: TensorType, bytes: Vec<u8>) -> (TensorType, Vec<u8>) {
    let floats: Vec<f32> = match tensor_type {
        TensorType::Float16 => {
            bytes.as_chunks().0.iter().map(|&b| half::f16::from_le_bytes(b).to_f32()).collect()
        }
        TensorType::BFloat16 => {
            bytes.as_chunks().0.iter().map(|&b| half::bf16::from_le_bytes(b).to_f32()).collect()
        }
        TensorType::Float64 => bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b) as f32).collect(),
        _ => return (tensor_type, bytes),
    };
    (TensorType::Float32, floats.iter().flat_map(|v| v.to_le_bytes()).collect())
}

/// Dimensions that a change of shape turns into others, those of size 1 left out.
struct Group {
    from: Vec<usize>,
    to: Vec<usize>,
}

/// The smallest groups of neighbouring dimensions with equal products; `None` where a size is 0.
fn groups(from: &[usize], to: &[usize]) -> Option<Vec<Group>> {
    if from.iter().chain(to).any(|&d| d == 0) {
        return None;
    }
    let larger = |dims: &[usize]| -> Vec<(usize, usize)> {
        dims.iter().copied().enumerate().filter(|&(_, d)| d != 1).collect()
    };
    let (from, to) = (larger(from), larger(to));
    let (mut from, mut to) = (from.into_iter(), to.into_iter());
    let mut groups = Vec::new();
    while let Some((axis, size)) = from.next() {
        let mut group = Group { from: vec![axis], to: Vec::new() };
        let (mut left, mut right) = (size, 1usize);
        while left != right {
            let (side, product, list) = match left > right {
                true => (to.next()?, &mut right, &mut group.to),
                false => (from.next()?, &mut left, &mut group.from),
            };
            list.push(side.0);
            *product = product.checked_mul(side.1)?;
        }
        groups.push(group);
    }
    Some(groups)
}

/// Puts the dimensions of size 1 into the order `order` of the others: the first dimension in front, each other
/// one before the next larger dimension.
fn with_ones(dims: &[usize], mut order: Vec<usize>) -> Vec<usize> {
    for axis in (0..dims.len()).rev().filter(|&axis| dims.get(axis) == Some(&1)) {
        let next = match axis {
            0 => Some(0),
            _ => order.iter().position(|&other| other == axis + 1),
        };
        order.insert(next.unwrap_or(order.len()), axis);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::{channels_last, groups, stored, with_ones};

    #[test]
    fn images_are_stored_with_their_channels_last() {
        assert_eq!(channels_last(4), [0, 3, 1, 2]);
        assert_eq!(stored(&[1, 3, 20, 30], &channels_last(4)), [1, 20, 30, 3]);
    }

    #[test]
    fn changes_of_shape_keep_dimensions_apart() {
        let found = |from: &[usize], to: &[usize]| {
            groups(from, to).map(|g| g.into_iter().map(|g| (g.from, g.to)).collect::<Vec<_>>())
        };
        let apart = vec![(vec![1], vec![1, 2]), (vec![2], vec![3]), (vec![3], vec![4])];
        assert_eq!(found(&[1, 6, 4, 5], &[1, 2, 3, 4, 5]), Some(apart));
        assert_eq!(found(&[1, 6, 4], &[24]), Some(vec![(vec![1, 2], vec![0])]));
        assert_eq!(found(&[2, 3, 4], &[4, 6]), Some(vec![(vec![0, 1, 2], vec![0, 1])]));
        assert_eq!(found(&[1, 1], &[]), Some(vec![]));
        assert_eq!(found(&[0, 2], &[0]), None);
    }

    #[test]
    fn dimensions_of_1_go_before_the_next_one() {
        // [batch, channels, columns] with its channels last becomes an image of one row.
        assert_eq!(with_ones(&[1, 8, 1, 20], vec![3, 1]), [0, 2, 3, 1]);
        assert_eq!(with_ones(&[1, 8], vec![1]), [0, 1]);
        assert_eq!(with_ones(&[8, 1, 1], vec![0]), [0, 1, 2]);
    }
}
