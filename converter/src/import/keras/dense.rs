//! Fully connected layers, normalization, scaling, look-up.

use sedge_schema::TensorType;
use sedge_schema::op::{
    Add, Cast, FullyConnected, Gather, L2Normalization, Mean, Mul, Rsqrt, Square, SquaredDifference, Sub,
};

use super::config::Layer;
use super::{Handler, Importer, only};
use crate::Failure;
use crate::graph::TensorId;

pub(super) fn handler(class: &str) -> Option<Handler> {
    Some(match class {
        "BatchNormalization" => batch,
        "Dense" => dense,
        "Embedding" => embedding,
        "GroupNormalization" => groups,
        "LayerNormalization" => layer_normalization,
        "Normalization" => normalization,
        "RMSNormalization" => root_mean_square,
        "Rescaling" => rescaling,
        "UnitNormalization" => unit,
        _ => return None,
    })
}

fn dense(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let order = ["kernel", "bias"];
    let (dims, values) = importer.weight(layer, "kernel", &order)?;
    let &[depth, units] = dims.as_slice() else {
        return Err(Failure::new(format!("its kernel has the shape {dims:?}")));
    };
    let moved: Vec<f32> = (0..values.len())
        .map(|i| values.get(i % depth * units + i / depth).copied().unwrap_or(0.0))
        .collect();
    let kernel = importer.builder.floats(&format!("{}/kernel", layer.name), &[units, depth], &moved)?;
    let bias = importer.bias(layer, units, &order)?;
    let op = FullyConnected { keep_num_dims: importer.dims(x).len() != 2, ..FullyConnected::default() };
    let result = importer.emit(&layer.name, op, &[x, kernel, bias])?;
    importer.activated(&format!("{}/activated", layer.name), result, layer.text("activation", "linear"))
}

/// An axis that must be the last one.
fn ensure_last(layer: &Layer, rank: usize) -> Result<(), Failure> {
    let axis = &layer.config["axis"];
    let axis = match axis.as_array() {
        Some(list) if list.len() == 1 => list.first().and_then(serde_json::Value::as_i64),
        Some(_) => None,
        None => axis.as_i64().or(Some(-1)),
    };
    match axis {
        Some(axis) if axis == -1 || axis == rank as i64 - 1 => Ok(()),
        _ => Err(Failure::new("only the last axis can be normalized")),
    }
}

impl Importer<'_> {
    /// `x * factor + offset` for each channel, the last dimension.
    fn scaled(
        &mut self,
        name: &str,
        x: TensorId,
        factor: &[f32],
        offset: &[f32],
    ) -> Result<TensorId, Failure> {
        let factor = self.builder.floats(&format!("{name}/factor"), &[factor.len()], factor)?;
        let offset = self.builder.floats(&format!("{name}/offset"), &[offset.len()], offset)?;
        let product = self.emit(&format!("{name}/product"), Mul::default(), &[x, factor])?;
        self.emit(name, Add::default(), &[product, offset])
    }
}

/// `gamma * (x - mean) / sqrt(variance + epsilon) + beta`.
fn batch(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let dims = importer.dims(x);
    ensure_last(layer, dims.len())?;
    let channels = dims.last().copied().unwrap_or(0);
    let (has_gamma, has_beta) = (layer.flag("scale", true), layer.flag("center", true));
    let mut order = Vec::new();
    order.extend(has_gamma.then_some("gamma"));
    order.extend(has_beta.then_some("beta"));
    order.extend(["moving_mean", "moving_variance"]);
    let of = |role: &str, given: bool, otherwise: f32| match given {
        true => importer.weight(layer, role, &order).map(|(_, values)| values),
        false => Ok(vec![otherwise; channels]),
    };
    let (gamma, beta) = (of("gamma", has_gamma, 1.0)?, of("beta", has_beta, 0.0)?);
    let (mean, variance) = (of("moving_mean", true, 0.0)?, of("moving_variance", true, 1.0)?);
    let epsilon = layer.number("epsilon", 1e-3);
    let factor: Vec<f32> = gamma.iter().zip(&variance).map(|(g, v)| g / (v + epsilon).sqrt()).collect();
    let offset: Vec<f32> = beta.iter().zip(mean.iter().zip(&factor)).map(|(b, (m, f))| b - m * f).collect();
    importer.scaled(&layer.name, x, &factor, &offset)
}

fn layer_normalization(
    importer: &mut Importer<'_>,
    layer: &Layer,
    inputs: &[TensorId],
) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let rank = importer.dims(x).len();
    ensure_last(layer, rank)?;
    if layer.flag("rms_scaling", false) {
        return Err(Failure::new("rms_scaling is not supported"));
    }
    let result = importer.normalized(&layer.name, x, &[rank - 1], layer.number("epsilon", 1e-3))?;
    importer.gamma_and_beta(layer, result)
}

impl Importer<'_> {
    /// `(x - mean) / sqrt(variance + epsilon)` over these dimensions.
    fn normalized(
        &mut self,
        name: &str,
        x: TensorId,
        axes: &[usize],
        epsilon: f32,
    ) -> Result<TensorId, Failure> {
        let axes: Vec<i32> = axes.iter().map(|&a| a as i32).collect();
        let axes = self.builder.ints(&format!("{name}/axes"), &axes)?;
        let keep = Mean { keep_dims: true };
        let mean = self.emit(&format!("{name}/mean"), keep, &[x, axes])?;
        let spread = self.emit(&format!("{name}/spread"), SquaredDifference {}, &[x, mean])?;
        let variance = self.emit(&format!("{name}/variance"), keep, &[spread, axes])?;
        let epsilon = self.scalar(&format!("{name}/epsilon"), epsilon)?;
        let sum = self.emit(&format!("{name}/sum"), Add::default(), &[variance, epsilon])?;
        let inverse = self.emit(&format!("{name}/inverse"), Rsqrt {}, &[sum])?;
        let centred = self.emit(&format!("{name}/centred"), Sub::default(), &[x, mean])?;
        self.emit(&format!("{name}/normalized"), Mul::default(), &[centred, inverse])
    }

    /// `gamma * x + beta` for each channel, where the layer has them.
    fn gamma_and_beta(&mut self, layer: &Layer, x: TensorId) -> Result<TensorId, Failure> {
        let channels = self.dims(x).last().copied().unwrap_or(0);
        let (has_gamma, has_beta) = (layer.flag("scale", true), layer.flag("center", true));
        let mut order = Vec::new();
        order.extend(has_gamma.then_some("gamma"));
        order.extend(has_beta.then_some("beta"));
        let gamma = if has_gamma { self.weight(layer, "gamma", &order)?.1 } else { vec![1.0; channels] };
        let beta = if has_beta { self.weight(layer, "beta", &order)?.1 } else { vec![0.0; channels] };
        self.scaled(&layer.name, x, &gamma, &beta)
    }
}

/// Each group of channels is normalized over all cells (Wu and He, Group Normalization, 2018).
fn groups(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let dims = importer.dims(x);
    ensure_last(layer, dims.len())?;
    let (Some((&channels, outer)), Some(&batch)) = (dims.split_last(), dims.first()) else {
        return Err(Failure::new("its input has no dimensions"));
    };
    let groups = match layer.config["groups"].as_i64().unwrap_or(32) {
        -1 => channels,
        groups => usize::try_from(groups).unwrap_or(0),
    };
    if groups == 0 || channels % groups != 0 {
        return Err(Failure::new(format!("{groups} groups do not fit {channels} channels")));
    }
    let cells = outer.iter().skip(1).product();
    let name = &layer.name;
    let split = [batch, cells, groups, channels / groups];
    let split = importer.reshape(&format!("{name}/groups"), x, &split)?;
    let result = importer.normalized(name, split, &[1, 3], layer.number("epsilon", 1e-3))?;
    let result = importer.reshape(&format!("{name}/joined"), result, &dims)?;
    importer.gamma_and_beta(layer, result)
}

/// `x / sqrt(mean(x^2) + epsilon) * scale` over the last dimension.
fn root_mean_square(
    importer: &mut Importer<'_>,
    layer: &Layer,
    inputs: &[TensorId],
) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let rank = importer.dims(x).len();
    ensure_last(layer, rank)?;
    let name = &layer.name;
    let square = importer.emit(&format!("{name}/square"), Square {}, &[x])?;
    let axes = importer.builder.ints(&format!("{name}/axes"), &[rank as i32 - 1])?;
    let mean = importer.emit(&format!("{name}/mean"), Mean { keep_dims: true }, &[square, axes])?;
    let epsilon = importer.scalar(&format!("{name}/epsilon"), layer.number("epsilon", 1e-6))?;
    let sum = importer.emit(&format!("{name}/sum"), Add::default(), &[mean, epsilon])?;
    let inverse = importer.emit(&format!("{name}/inverse"), Rsqrt {}, &[sum])?;
    let result = importer.emit(&format!("{name}/normalized"), Mul::default(), &[x, inverse])?;
    let scale = importer.constant(layer, name, "scale", &["scale"])?;
    importer.emit(name, Mul::default(), &[result, scale])
}

/// The last dimension is brought to a length of 1.
fn unit(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    ensure_last(layer, importer.dims(x).len())?;
    importer.emit(&layer.name, L2Normalization::default(), &[x])
}

/// `(x - mean) / sqrt(variance)` with what the layer was adapted to, or was given.
fn normalization(
    importer: &mut Importer<'_>,
    layer: &Layer,
    inputs: &[TensorId],
) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    ensure_last(layer, importer.dims(x).len())?;
    let channels = importer.dims(x).last().copied().unwrap_or(0);
    let given = |key: &str| -> Option<Vec<f32>> {
        let value = &layer.config[key];
        let number = |v: &serde_json::Value| v.as_f64().map(|n| n as f32);
        match value.as_array() {
            Some(list) => list.iter().map(number).collect(),
            None => number(value).map(|n| vec![n; channels]),
        }
    };
    let order = ["mean", "variance", "count"];
    let of = |role: &str| match given(role) {
        Some(values) => Ok(values),
        None => importer.weight(layer, role, &order).map(|(_, values)| values),
    };
    let (mean, variance) = (of("mean")?, of("variance")?);
    if mean.len() != channels || variance.len() != channels || layer.flag("invert", false) {
        return Err(Failure::new("only the last axis can be normalized, and not inversely"));
    }
    let factor: Vec<f32> = variance.iter().map(|v| 1.0 / v.sqrt().max(1e-7)).collect();
    let offset: Vec<f32> = mean.iter().zip(&factor).map(|(m, f)| -m * f).collect();
    importer.scaled(&layer.name, x, &factor, &offset)
}

/// `x * scale + offset`, with one number of each or one for each channel.
fn rescaling(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let (name, x) = (&layer.name, only(inputs)?);
    let channels = importer.dims(x).last().copied().unwrap_or(0);
    let mut constant = |key: &str, otherwise: f32| match layer.numbers(key, otherwise)?.as_slice() {
        &[number] => importer.scalar(&format!("{name}/{key}"), number),
        list if list.len() == channels => {
            importer.builder.floats(&format!("{name}/{key}"), &[channels], list)
        }
        list => Err(Failure::new(format!("its {key} has {} numbers for {channels} channels", list.len()))),
    };
    let (scale, offset) = (constant("scale", 1.0)?, constant("offset", 0.0)?);
    let product = importer.emit(&format!("{name}/product"), Mul::default(), &[x, scale])?;
    importer.emit(name, Add::default(), &[product, offset])
}

fn embedding(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    if layer.flag("mask_zero", false) {
        return Err(Failure::new("mask_zero is not supported: the layers behind it would leave steps out"));
    }
    let x = only(inputs)?;
    let (dims, values) = importer.weight(layer, "embeddings", &["embeddings"])?;
    let table = importer.builder.floats(&format!("{}/table", layer.name), &dims, &values)?;
    let kind = importer.builder.graph.tensor(x).tensor_type;
    let indices = match kind {
        TensorType::Int32 => x,
        kind => {
            let op = Cast { in_data_type: kind, out_data_type: TensorType::Int32 };
            importer.builder.emit(&format!("{}/indices", layer.name), op, &[x], TensorType::Int32)?
        }
    };
    importer.emit(&layer.name, Gather { axis: 0, batch_dims: 0 }, &[table, indices])
}
