//! Reductions over some dimensions, and where the largest element is.

use sedge_schema::TensorType;
use sedge_schema::op::{
    ArgMax, ArgMin, Cumsum, Mean, ReduceAll, ReduceAny, ReduceMax, ReduceMin, ReduceProd, Sum,
};

use super::call::Call;
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::{Operation, TensorId};

pub(super) fn handler(op: &str) -> Option<Handler> {
    Some(Handler::Tensors(match op {
        "All" | "Any" | "Max" | "Mean" | "Min" | "Prod" | "Sum" => reduce,
        "ArgMax" | "ArgMin" => best,
        "Cumsum" => cumulative,
        _ => return None,
    }))
}

fn reduce(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [x, axes] = call.operands(x)?;
    let axes = importer.narrow(&call.part("axes"), axes)?;
    let keep_dims = call.flag("keep_dims", false);
    let op: Operation = match call.op() {
        "All" => ReduceAll { keep_dims }.into(),
        "Any" => ReduceAny { keep_dims }.into(),
        "Max" => ReduceMax { keep_dims }.into(),
        "Mean" => Mean { keep_dims }.into(),
        "Min" => ReduceMin { keep_dims }.into(),
        "Prod" => ReduceProd { keep_dims }.into(),
        _ => Sum { keep_dims }.into(),
    };
    let result = importer.emit(&call.name, op, &[x, axes])?;
    if importer.dims(result).is_empty() {
        importer.builder.graph.tensor_mut(result).has_rank = true;
    }
    Ok(result)
}

fn best(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [x, axis] = call.operands(x)?;
    let axis = importer.narrow(&call.part("axis"), axis)?;
    let output_type = call.kind("output_type", TensorType::Int64)?;
    let op: Operation = match call.op() {
        "ArgMax" => ArgMax { output_type }.into(),
        _ => ArgMin { output_type }.into(),
    };
    importer.builder.emit(&call.name, op, &[x, axis], output_type)
}

fn cumulative(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [x, axis] = call.operands(x)?;
    let axis = importer.narrow(&call.part("axis"), axis)?;
    let op = Cumsum { exclusive: call.flag("exclusive", false), reverse: call.flag("reverse", false) };
    importer.emit(&call.name, op, &[x, axis])
}
