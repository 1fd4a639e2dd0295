//! Layers that join several inputs, and functions of two operands, of which one may be a number.

use sedge_schema::TensorType;
use sedge_schema::op::{
    Add, BatchMatmul, Concatenation, Div, L2Normalization, Maximum, Minimum, Mul, Pow, Sub,
};

use super::config::{Layer, Operand};
use super::operation::axis_of;
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
        "Divide" | "TrueDivide" | "TFOpLambda math.divide" | "TFOpLambda math.truediv" => {
            |i, l, x| fold(i, l, x, Div::default())
        }
        "Dot" => dot,
        "Matmul" => |i, l, x| fold(i, l, x, BatchMatmul::default()),
        "Maximum" | "TFOpLambda math.maximum" => |i, l, x| fold(i, l, x, Maximum {}),
        "Minimum" | "TFOpLambda math.minimum" => |i, l, x| fold(i, l, x, Minimum {}),
        "Multiply" | "TFOpLambda math.multiply" => |i, l, x| fold(i, l, x, Mul::default()),
        "Power" | "TFOpLambda math.pow" => |i, l, x| fold(i, l, x, Pow {}),
        "Subtract" | "TFOpLambda math.subtract" => |i, l, x| fold(i, l, x, Sub::default()),
        _ => return None,
    })
}

/// The operands of a layer in their order: its inputs, and numbers, which functions may have.
fn operands(
    importer: &mut Importer<'_>,
    layer: &Layer,
    inputs: &[TensorId],
) -> Result<Vec<TensorId>, Failure> {
    if inputs.len() > 1 {
        return Ok(inputs.to_vec());
    }
    let mut tensors = inputs.iter().copied();
    let mut found = Vec::new();
    for (k, operand) in layer.operands().into_iter().enumerate() {
        match operand {
            Operand::Tensor(_) => found.extend(tensors.next()),
            Operand::Number(number) => {
                found.push(importer.scalar(&format!("{}/operand {k}", layer.name), number)?);
            }
        }
    }
    found.extend(tensors);
    Ok(found)
}

/// An operator of two operands over all inputs.
fn fold(
    importer: &mut Importer<'_>,
    layer: &Layer,
    inputs: &[TensorId],
    op: impl Into<Operation> + Copy,
) -> Result<TensorId, Failure> {
    let operands = operands(importer, layer, inputs)?;
    let Some((&first, rest)) = operands.split_first().filter(|(_, rest)| !rest.is_empty()) else {
        return Err(Failure::new("it needs two inputs; one of them is no number"));
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

/// The sums of the products along one axis of each input, which `normalize` first brings to a length of 1.
fn dot(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let &[a, b] = inputs else {
        return Err(Failure::new(format!("it has {} inputs, not two", inputs.len())));
    };
    let name = &layer.name;
    let ranks = [importer.dims(a).len(), importer.dims(b).len()];
    let given = &layer.config["axes"];
    let axis = |side: usize| {
        let given = if given.is_i64() { given } else { given.get(side)? };
        axis_of(given, ranks[side]).filter(|&axis| axis > 0)
    };
    let (Some(axes), true) = (axis(0).zip(axis(1)), ranks.iter().all(|rank| (2..=3).contains(rank))) else {
        return Err(Failure::new(format!(
            "axes {given} of {} and {} dimensions are not supported",
            ranks[0], ranks[1]
        )));
    };
    let mut sides = [a, b];
    for (k, (side, axis)) in sides.iter_mut().zip([axes.0, axes.1]).enumerate() {
        let part = format!("{name}/operand {k}");
        // Rows [batch, others, axis].
        *side = match (importer.dims(*side).as_slice(), axis) {
            (&[batch, size], _) => importer.reshape(&part, *side, &[batch, 1, size])?,
            (_, 1) => importer.builder.transpose(&part, *side, &[0, 2, 1])?,
            _ => *side,
        };
        if layer.flag("normalize", false) {
            *side = importer.emit(&format!("{part}/unit"), L2Normalization::default(), &[*side])?;
        }
    }
    let product = importer.emit(name, BatchMatmul { adj_y: true, ..BatchMatmul::default() }, &sides)?;
    let made = importer.dims(product);
    let &[batch, rows, columns] = made.as_slice() else {
        return Err(Failure::new(format!("it gives the shape {made:?}")));
    };
    let dims = match ranks {
        [2, 2] => vec![batch, 1],
        [2, _] => vec![batch, columns],
        [_, 2] => vec![batch, rows],
        _ => made,
    };
    importer.reshape(&format!("{name}/joined"), product, &dims)
}
