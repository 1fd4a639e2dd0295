//! Operators that make values out of nothing or of shapes, and those that hand values on.

use sedge_schema::TensorType;
use sedge_schema::op::{Fill, Range};

use super::call::Call;
use super::tensor::element_type;
use super::value::Value;
use super::{Handler, Importer};
use crate::Failure;

/// The most elements of a constant that ConstantOfShape makes.
const MAX_FILLED: usize = 1 << 24;

pub(super) fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "Constant" => constant,
        "ConstantOfShape" => filled,
        "Shape" => shape,
        "Size" => size,
        "Range" => range,
        "Identity" | "Dropout" => identity,
        "Cast" | "CastLike" => cast,
        _ => return None,
    })
}

fn constant(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let name = call.name();
    let value = if let Some(proto) = call.tensor("value") {
        importer.constant(name, proto)?
    } else if let Some(number) = call.float_given("value_float") {
        importer.scalar(name, number)?
    } else if let Some(numbers) = call.floats("value_floats") {
        let tensor = importer.builder.floats(name, &[numbers.len()], numbers)?;
        importer.new_value(tensor)
    } else if let Some(number) = call.int_given("value_int") {
        importer.long(name, &[], &[number])?
    } else if let Some(numbers) = call.ints("value_ints") {
        importer.long(name, &[numbers.len()], numbers)?
    } else {
        return call.refuse("constants that are neither a tensor nor numbers are not supported");
    };
    importer.set(call, 0, value)
}

impl Importer<'_> {
    /// An int64 constant.
    pub(super) fn long(&mut self, name: &str, dims: &[usize], numbers: &[i64]) -> Result<Value, Failure> {
        let bytes = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        let tensor = self.builder.constant(name, TensorType::Int64, dims, bytes)?;
        self.builder.graph.tensor_mut(tensor).has_rank = dims.is_empty();
        Ok(self.new_value(tensor))
    }
}

fn filled(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let dims = importer.known_ints(call, 0)?;
    let dims: Option<Vec<usize>> = dims.iter().map(|&d| usize::try_from(d).ok()).collect();
    let Some(dims) = dims else { return call.refuse("a size is negative") };
    let elements = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= MAX_FILLED);
    let Some(elements) = elements else { return call.refuse(format!("the shape {dims:?} is too large")) };
    let value = match call.tensor("value") {
        Some(proto) => importer.constant(&call.part("value"), proto)?,
        None => importer.scalar(&call.part("value"), 0.0)?,
    };
    let tensor = importer.builder.graph.tensor(value.tensor);
    let (kind, bytes) = (tensor.tensor_type, tensor.data.clone().unwrap_or_default());
    if tensor.shape.elements() != 1 {
        return call.refuse("the value must be one element");
    }
    let tensor = importer.builder.constant(call.name(), kind, &dims, bytes.repeat(elements))?;
    importer.builder.graph.tensor_mut(tensor).has_rank = dims.is_empty();
    let value = importer.new_value(tensor);
    importer.set(call, 0, value)
}

fn shape(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let dims: Vec<i64> = importer.dims(&value).iter().map(|&d| d as i64).collect();
    let rank = dims.len() as i64;
    let bound = |axis: i64| (if axis < 0 { axis + rank } else { axis }).clamp(0, rank) as usize;
    let (start, end) = (bound(call.int("start", 0)), bound(call.int("end", rank)));
    let dims = dims.get(start..end).unwrap_or_default();
    let result = importer.long(call.name(), &[dims.len()], dims)?;
    importer.set(call, 0, result)
}

fn size(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let count = importer.dims(&value).iter().product::<usize>() as i64;
    let result = importer.long(call.name(), &[], &[count])?;
    importer.set(call, 0, result)
}

fn range(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let [start, limit, step] = [importer.input(call, 0)?, importer.input(call, 1)?, importer.input(call, 2)?];
    let kind = importer.kind(&start);
    let tensors = [start.tensor, limit.tensor, step.tensor];
    let tensor = importer.builder.emit(call.name(), Range {}, &tensors, kind)?;
    let value = importer.new_value(tensor);
    importer.set(call, 0, value)
}

fn identity(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    if call.op() == "Dropout" && call.has(2) && importer.known_ints(call, 2)?.iter().any(|&flag| flag != 0) {
        return call.refuse("the model is in training mode; export it in evaluation mode (model.eval())");
    }
    if call.node.output.get(1).is_some_and(|name| !name.is_empty()) {
        // The mask of a Dropout that drops nothing.
        let dims: Vec<i32> = importer.dims(&value).iter().map(|&d| d as i32).collect();
        let dims = importer.builder.ints(&call.part("dims"), &dims)?;
        let kept = importer.builder.constant(&call.part("kept"), TensorType::Bool, &[], vec![1])?;
        let mask = importer.builder.emit(&call.part("mask"), Fill {}, &[dims, kept], TensorType::Bool)?;
        let mask = importer.new_value(mask);
        importer.set(call, 1, mask)?;
    }
    importer.set(call, 0, value)
}

fn cast(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let to = match call.op() {
        "CastLike" => {
            let like = importer.input(call, 1)?;
            importer.kind(&like)
        }
        _ => {
            let code = call.int("to", 0) as i32;
            let Some(kind) = element_type(code) else {
                return call.refuse(format!("there are no elements of ONNX type {code}"));
            };
            kind
        }
    };
    // Real numbers are float32 inside the graph, whatever their size in the model.
    let to = match to {
        TensorType::Float64 | TensorType::Float16 | TensorType::BFloat16 => TensorType::Float32,
        kind => kind,
    };
    let result = importer.cast(call.name(), &value, to)?;
    importer.set(call, 0, result)
}
