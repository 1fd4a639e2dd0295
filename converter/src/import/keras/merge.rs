//! Layers that join several inputs.

use sedge_schema::TensorType;
use sedge_schema::op::{Add, Concatenation, Maximum, Minimum, Mul, Sub};

use super::config::Layer;
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::{Operation, TensorId};

pub(super) fn handler(class: &str) -> Option<Handler> {
    Some(match class {
        "Add" | "TFOpLambda __operators__.add" | "TFOpLambda math.add" => {
            |i, l, x| fold(i, l, x, Add::default())
        }
        "Average" => average,
        "Concatenate" => concatenate,
        "Maximum" => |i, l, x| fold(i, l, x, Maximum {}),
        "Minimum" => |i, l, x| fold(i, l, x, Minimum {}),
        "Multiply" | "TFOpLambda math.multiply" => |i, l, x| fold(i, l, x, Mul::default()),
        "Subtract" | "TFOpLambda math.subtract" => |i, l, x| fold(i, l, x, Sub::default()),
        _ => return None,
    })
}

/// An operator of two operands over all inputs.
fn fold(
    importer: &mut Importer<'_>,
    layer: &Layer,
    inputs: &[TensorId],
    op: impl Into<Operation> + Copy,
) -> Result<TensorId, Failure> {
    let Some((&first, rest)) = inputs.split_first().filter(|(_, rest)| !rest.is_empty()) else {
        return Err(Failure::new("it needs two inputs, or one of them is a constant"));
    };
    let mut result = first;
    for (k, &next) in rest.iter().enumerate() {
        let name = if k + 1 == rest.len() { layer.name.clone() } else { format!("{}/{k}", layer.name) };
        result = importer.emit(&name, op, &[result, next])?;
    }
    Ok(result)
}

fn average(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let sum = fold(importer, layer, inputs, Add::default())?;
    let share = importer.scalar(&format!("{}/share", layer.name), 1.0 / inputs.len() as f32)?;
    importer.emit(&format!("{}/mean", layer.name), Mul::default(), &[sum, share])
}

fn concatenate(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let axis = layer.config["axis"].as_i64().unwrap_or(-1) as i32;
    let parts: Vec<Option<TensorId>> = inputs.iter().copied().map(Some).collect();
    let op = Concatenation { axis, ..Concatenation::default() };
    let made = importer.builder.emit_all(&layer.name, op, &parts, &[(&layer.name, TensorType::Float32)])?;
    made.first().copied().ok_or_else(|| Failure::new("it has no inputs"))
}
