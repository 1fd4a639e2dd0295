//! Reductions.

use sedge_schema::TensorType;
use sedge_schema::op::{
    Abs, Add, ArgMax, ArgMin, Exp, Log, Mean, Mul, ReduceAll, ReduceAny, ReduceMax, ReduceMin, ReduceProd,
    ReverseV2, Sqrt, Sub, Sum,
};

use super::call::Call;
use super::value::{Value, plain};
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::Operation;

pub(super) fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceProd" | "ReduceL1" | "ReduceL2"
        | "ReduceSumSquare" | "ReduceLogSum" | "ReduceLogSumExp" => reduce,
        "ArgMax" | "ArgMin" => best,
        _ => return None,
    })
}

impl Importer<'_> {
    /// Reduces logical axes with the operator that `op` makes.
    pub(super) fn reduced(
        &mut self,
        name: &str,
        value: &Value,
        axes: &[usize],
        keep_dims: bool,
        op: impl Into<Operation>,
    ) -> Result<Value, Failure> {
        let stored: Vec<i32> = axes.iter().filter_map(|&a| value.axes.get(a)).map(|&a| a as i32).collect();
        let list = self.builder.ints(&format!("{name}/axes"), &stored)?;
        let kind = self.kind(value);
        let tensor = self.builder.emit(name, op, &[value.tensor, list], kind)?;
        if keep_dims {
            return Ok(Value { tensor, axes: value.axes.clone() });
        }
        // The places of those that are left, closed up.
        let left: Vec<usize> = (0..value.axes.len())
            .filter(|a| !axes.contains(a))
            .filter_map(|a| value.axes.get(a))
            .copied()
            .collect();
        let closed = left.iter().map(|&place| left.iter().filter(|&&other| other < place).count()).collect();
        Ok(Value { tensor, axes: closed })
    }
}

fn reduce(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let keep_dims = call.int("keepdims", 1) != 0;
    let input_since = if call.op() == "ReduceSum" { 13 } else { 18 };
    let axes = importer.axes(call, input_since)?.unwrap_or_default();
    if axes.is_empty() && call.int("noop_with_empty_axes", 0) != 0 {
        return importer.set(call, 0, value);
    }
    let rank = value.axes.len();
    let axes: Vec<usize> = match axes.is_empty() {
        true => plain(rank),
        false => axes.iter().map(|&a| importer.axis(&value, a)).collect::<Result<_, _>>()?,
    };
    let name = call.name();
    let (first, last) = (call.part("elements"), call.part("sum"));
    let sum = Sum { keep_dims };
    let result = match call.op() {
        "ReduceMean" => importer.reduced(name, &value, &axes, keep_dims, Mean { keep_dims })?,
        "ReduceSum" => importer.reduced(name, &value, &axes, keep_dims, sum)?,
        "ReduceMax" if importer.kind(&value) == TensorType::Bool => {
            importer.reduced(name, &value, &axes, keep_dims, ReduceAny { keep_dims })?
        }
        "ReduceMin" if importer.kind(&value) == TensorType::Bool => {
            importer.reduced(name, &value, &axes, keep_dims, ReduceAll { keep_dims })?
        }
        "ReduceMax" => importer.reduced(name, &value, &axes, keep_dims, ReduceMax { keep_dims })?,
        "ReduceMin" => importer.reduced(name, &value, &axes, keep_dims, ReduceMin { keep_dims })?,
        "ReduceProd" => importer.reduced(name, &value, &axes, keep_dims, ReduceProd { keep_dims })?,
        "ReduceL1" => {
            let size = importer.unary(&first, Abs {}, &value)?;
            importer.reduced(name, &size, &axes, keep_dims, sum)?
        }
        "ReduceL2" | "ReduceSumSquare" => {
            let square = importer.binary(&first, Mul::default(), [&value, &value], None)?;
            let is_root = call.op() == "ReduceL2";
            let sum = importer.reduced(if is_root { &last } else { name }, &square, &axes, keep_dims, sum)?;
            if is_root { importer.unary(name, Sqrt {}, &sum)? } else { sum }
        }
        "ReduceLogSum" => {
            let sum = importer.reduced(&last, &value, &axes, keep_dims, sum)?;
            importer.unary(name, Log {}, &sum)?
        }
        _ => {
            // The largest is taken out first, so that nothing overflows.
            let top =
                importer.reduced(&call.part("top"), &value, &axes, true, ReduceMax { keep_dims: true })?;
            let rest = importer.binary(&call.part("rest"), Sub::default(), [&value, &top], None)?;
            let power = importer.unary(&first, Exp {}, &rest)?;
            let sum = importer.reduced(&last, &power, &axes, true, Sum { keep_dims: true })?;
            let log = importer.unary(&call.part("log"), Log {}, &sum)?;
            let result = importer.binary(&call.part("result"), Add::default(), [&log, &top], None)?;
            let dims = importer.dims(&result);
            let kept = |axis: &usize| keep_dims || !axes.contains(axis);
            let dims: Vec<usize> =
                dims.iter().enumerate().filter(|(axis, _)| kept(axis)).map(|(_, &d)| d).collect();
            importer.reshape(name, &result, &dims)?
        }
    };
    importer.set(call, 0, result)
}

fn best(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let mut value = importer.input(call, 0)?;
    let axis = importer.axis(&value, call.int("axis", 0))?;
    let dims = importer.dims(&value);
    let stored = value.axes.get(axis).copied().unwrap_or(0);
    let place = importer.builder.int(&call.part("axis"), stored as i32)?;
    let is_last = call.int("select_last_index", 0) != 0;
    if is_last {
        // The last of equal ones is the first from behind.
        let list = importer.builder.ints(&call.part("axes"), &[stored as i32])?;
        let kind = importer.kind(&value);
        let tensor =
            importer.builder.emit(&call.part("reversed"), ReverseV2 {}, &[value.tensor, list], kind)?;
        value = Value { tensor, ..value };
    }
    let output_type = TensorType::Int64;
    let op: Operation = match call.op() {
        "ArgMax" => ArgMax { output_type }.into(),
        _ => ArgMin { output_type }.into(),
    };
    let tensor = importer.builder.emit(&call.part("index"), op, &[value.tensor, place], output_type)?;
    let left: Vec<usize> =
        (0..dims.len()).filter(|&a| a != axis).filter_map(|a| value.axes.get(a)).copied().collect();
    let closed = left.iter().map(|&p| left.iter().filter(|&&other| other < p).count()).collect();
    let mut result = Value { tensor, axes: closed };
    if is_last {
        let last = dims.get(axis).copied().unwrap_or(1) as i64 - 1;
        let last = importer.long(&call.part("last"), &[], &[last])?;
        result = importer.binary(&call.part("from the start"), Sub::default(), [&last, &result], None)?;
    }
    let wanted: Vec<usize> = match call.int("keepdims", 1) {
        0 => dims.iter().enumerate().filter(|&(a, _)| a != axis).map(|(_, &d)| d).collect(),
        _ => dims.iter().enumerate().map(|(a, &d)| if a == axis { 1 } else { d }).collect(),
    };
    let result = importer.reshape(call.name(), &result, &wanted)?;
    importer.set(call, 0, result)
}
