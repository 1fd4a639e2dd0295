//! Normalization and softmax.

use sedge_schema::TensorType;
use sedge_schema::op::{
    Add, Div, LocalResponseNormalization, LogSoftmax, Mean, Mul, Softmax, Sqrt, SquaredDifference, Sub, Sum,
};

use super::call::Call;
use super::value::{Value, channels_last, plain};
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::Operation;

pub(super) fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "BatchNormalization" => batch,
        "GroupNormalization" | "InstanceNormalization" => instance,
        "LayerNormalization" => layer,
        "LRN" => local_response,
        "LpNormalization" => length,
        "LogSoftmax" | "Softmax" => softmax,
        _ => return None,
    })
}

/// `scale * (x - mean) / sqrt(variance + epsilon) + shift` with all of them known is one product and one sum.
fn batch(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    if call.int("training_mode", 0) != 0 {
        return call.refuse("the model is in training mode; export it in evaluation mode (model.eval())");
    }
    let x = importer.input(call, 0)?;
    let mut known = |i| importer.known_floats(call, i);
    let [scale, shift, mean, variance] = [known(1)?, known(2)?, known(3)?, known(4)?];
    let channels = importer.dims(&x).get(1).copied().unwrap_or(0);
    if [&scale, &shift, &mean, &variance].iter().any(|v| v.len() != channels) {
        return call.refuse(format!("the statistics are not those of {channels} channels"));
    }
    let epsilon = f64::from(call.float("epsilon", 1e-5));
    let factor: Vec<f64> =
        scale.iter().zip(&variance).map(|(&s, &v)| f64::from(s) / (f64::from(v) + epsilon).sqrt()).collect();
    let offset = shift.iter().zip(&mean).zip(&factor).map(|((&b, &m), f)| f64::from(b) - f64::from(m) * f);
    let offset: Vec<f32> = offset.map(|o| o as f32).collect();
    let factor: Vec<f32> = factor.iter().map(|&f| f as f32).collect();
    let result = per_channel(importer, call, &x, &factor, &offset)?;
    importer.set(call, 0, result)
}

/// `x * factor + offset` with a factor and an offset for each of dimension 1.
fn per_channel(
    importer: &mut Importer<'_>,
    call: &Call<'_>,
    x: &Value,
    factor: &[f32],
    offset: &[f32],
) -> Result<Value, Failure> {
    let ones = x.axes.len().saturating_sub(2);
    let dims: Vec<usize> = std::iter::once(factor.len()).chain(std::iter::repeat_n(1, ones)).collect();
    let factor = importer.builder.floats(&call.part("factor"), &dims, factor)?;
    let factor = importer.new_value(factor);
    let offset = importer.builder.floats(&call.part("offset"), &dims, offset)?;
    let offset = importer.new_value(offset);
    let scaled = importer.binary(&call.part("scaled"), Mul::default(), [x, &factor], None)?;
    importer.binary(call.name(), Add::default(), [&scaled, &offset], None)
}

impl Importer<'_> {
    /// `(x - mean) / sqrt(variance + epsilon)` over these axes.
    fn normalized(
        &mut self,
        call: &Call<'_>,
        x: &Value,
        axes: &[usize],
        epsilon: f32,
    ) -> Result<Normalized, Failure> {
        let keep = Mean { keep_dims: true };
        let mean = self.reduced(&call.part("mean"), x, axes, true, keep)?;
        let spread = self.binary(&call.part("spread"), SquaredDifference {}, [x, &mean], None)?;
        let variance = self.reduced(&call.part("variance"), &spread, axes, true, keep)?;
        let inverse = self.inverse_root(&call.part("inverse"), &variance, epsilon)?;
        let centred = self.binary(&call.part("centred"), Sub::default(), [x, &mean], None)?;
        let result = self.binary(&call.part("normalized"), Mul::default(), [&centred, &inverse], None)?;
        Ok(Normalized { result, mean, inverse })
    }
}

/// What has mean 0 and variance 1, the mean that it had, and the inverse of its deviation.
struct Normalized {
    result: Value,
    mean: Value,
    inverse: Value,
}

/// GroupNormalization is InstanceNormalization over groups of channels.
fn instance(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let x = importer.input(call, 0)?;
    let dims = importer.dims(&x);
    let epsilon = call.float("epsilon", 1e-5);
    let normalized = if call.op() == "GroupNormalization" {
        let groups = usize::try_from(call.int("num_groups", 1)).unwrap_or(0);
        let (Some(&batch), Some(&channels)) = (dims.first(), dims.get(1)) else {
            return call.refuse("the input has no channels");
        };
        let inner = channels.checked_div(groups).unwrap_or(0);
        if groups == 0 || inner * groups != channels {
            return call.refuse(format!("{groups} groups do not fit {channels} channels"));
        }
        let rest: usize = dims.iter().skip(2).product();
        let grouped = importer.reshape(&call.part("groups"), &x, &[batch, groups, inner * rest])?;
        let normalized = importer.normalized(call, &grouped, &[2], epsilon)?.result;
        importer.reshape(&call.part("joined"), &normalized, &dims)?
    } else {
        let axes: Vec<usize> = (2..dims.len()).collect();
        importer.normalized(call, &x, &axes, epsilon)?.result
    };
    let (mut scale, mut shift) = (importer.known_floats(call, 1)?, importer.known_floats(call, 2)?);
    let channels = dims.get(1).copied().unwrap_or(0);
    // Before opset 21 a group's channels share what scales them.
    for list in [&mut scale, &mut shift] {
        let share = channels.checked_div(list.len()).unwrap_or(0);
        *list = list.iter().flat_map(|&v| std::iter::repeat_n(v, share)).collect();
    }
    if scale.len() != channels || shift.len() != channels {
        return call.refuse(format!("scale and bias are not those of {channels} channels"));
    }
    let result = per_channel(importer, call, &normalized, &scale, &shift)?;
    importer.set(call, 0, result)
}

fn layer(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let x = importer.input(call, 0)?;
    let first = importer.axis(&x, call.int("axis", -1))?;
    let axes: Vec<usize> = (first..x.axes.len()).collect();
    let Normalized { mut result, mean, inverse } =
        importer.normalized(call, &x, &axes, call.float("epsilon", 1e-5))?;
    importer.set(call, 1, mean)?;
    importer.set(call, 2, inverse)?;
    let scale = importer.input(call, 1)?;
    result = importer.binary(&call.part("scaled"), Mul::default(), [&result, &scale], None)?;
    if let Some(shift) = importer.optional(call, 2)? {
        result = importer.binary(call.name(), Add::default(), [&result, &shift], None)?;
    }
    importer.set(call, 0, result)
}

fn local_response(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let x = importer.input(call, 0)?;
    let size = call.int("size", 1);
    if size % 2 == 0 || !(1..1 << 16).contains(&size) || x.axes.len() != 4 {
        return call.refuse(format!("a neighbourhood of {size} channels is not supported"));
    }
    let op = LocalResponseNormalization {
        radius: (size as i32 - 1) / 2,
        bias: call.float("bias", 1.0),
        alpha: call.float("alpha", 1e-4) / size as f32,
        beta: call.float("beta", 0.75),
    };
    let image = importer.arrange(&x, &channels_last(4))?;
    let tensor = importer.builder.emit(call.name(), op, &[image], TensorType::Float32)?;
    importer.set(call, 0, Value { tensor, axes: channels_last(4) })
}

/// `x / sqrt(sum of x^2)` along one axis.
fn length(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    if call.int("p", 2) != 2 {
        return call.refuse("only lengths of order 2 are supported");
    }
    let x = importer.input(call, 0)?;
    let axis = importer.axis(&x, call.int("axis", -1))?;
    let square = importer.binary(&call.part("square"), Mul::default(), [&x, &x], None)?;
    let sum = importer.reduced(&call.part("sum"), &square, &[axis], true, Sum { keep_dims: true })?;
    let length = importer.unary(&call.part("length"), Sqrt {}, &sum)?;
    let result = importer.binary(call.name(), Div::default(), [&x, &length], None)?;
    importer.set(call, 0, result)
}

/// Before opset 13 all dimensions from the axis on are one.
fn softmax(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let x = importer.input(call, 0)?;
    let dims = importer.dims(&x);
    let is_joint = call.opset < 13;
    let axis = importer.axis(&x, call.int("axis", if is_joint { 1 } else { -1 }))?;
    let op: Operation = match call.op() {
        "LogSoftmax" => LogSoftmax {}.into(),
        _ => Softmax { beta: 1.0 }.into(),
    };
    if is_joint && dims.iter().skip(axis + 1).any(|&d| d != 1) {
        let (outer, inner) = dims.split_at_checked(axis).unwrap_or_default();
        let flat = [outer.iter().product(), inner.iter().product()];
        let flat = importer.reshape(&call.part("flat"), &x, &flat)?;
        let tensor = importer.plain(&flat)?;
        let tensor = importer.builder.emit(&call.part("softmax"), op, &[tensor], TensorType::Float32)?;
        let result = importer.new_value(tensor);
        let result = importer.reshape(call.name(), &result, &dims)?;
        return importer.set(call, 0, result);
    }
    // The axis is stored last, the others stay in order.
    let rank = x.axes.len();
    let axes = match x.axes.get(axis) {
        Some(&place) if place + 1 == rank => x.axes.clone(),
        _ => plain(rank)
            .into_iter()
            .map(|a| if a == axis { rank - 1 } else { a - usize::from(a > axis) })
            .collect(),
    };
    let tensor = importer.arrange(&x, &axes)?;
    let tensor = importer.builder.emit(call.name(), op, &[tensor], TensorType::Float32)?;
    importer.set(call, 0, Value { tensor, axes })
}
