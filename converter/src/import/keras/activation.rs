//! Activations, as layers and inside other layers.

use sedge_schema::TensorType;
use sedge_schema::op::{
    Add, Elu, Exp, Gelu, GreaterEqual, HardSwish, LeakyRelu, LogSoftmax, Logistic, Minimum, Mul, Prelu, Relu,
    Relu0To1, Relu6, ReluN1To1, SelectV2, Softmax, Sub, Tanh,
};

use super::config::Layer;
use super::operation::axes;
use super::{Handler, Importer, only};
use crate::Failure;
use crate::graph::TensorId;
use crate::import::formula::Formula;

pub(super) fn handler(class: &str) -> Option<Handler> {
    Some(match class {
        "Activation" => |i, l, x| i.activated(&l.name, only(x)?, l.text("activation", "linear")),
        "ELU" => elu,
        "LeakyReLU" => leaky,
        "PReLU" => prelu,
        "ReLU" => relu,
        "Softmax" => |i, l, x| i.softmax(l, x, "softmax"),
        // As functions, named as classes.
        "LogSoftmax" => |i, l, x| i.softmax(l, x, "log_softmax"),
        "Relu" | "TFOpLambda nn.relu" => |i, l, x| i.activated(&l.name, only(x)?, "relu"),
        "Relu6" | "TFOpLambda nn.relu6" => |i, l, x| i.activated(&l.name, only(x)?, "relu6"),
        "Sigmoid" | "TFOpLambda math.sigmoid" => |i, l, x| i.activated(&l.name, only(x)?, "sigmoid"),
        "HardSigmoid" => |i, l, x| i.activated(&l.name, only(x)?, "hard_sigmoid"),
        "HardSilu" => |i, l, x| i.activated(&l.name, only(x)?, "hard_silu"),
        "HardTanh" => |i, l, x| i.activated(&l.name, only(x)?, "hard_tanh"),
        "Gelu" => |i, l, x| {
            let op = Gelu { approximate: l.flag("approximate", true) };
            i.emit(&l.name, op, &[only(x)?])
        },
        "Elu" => elu,
        "LeakyRelu" => leaky,
        "LogSigmoid" => |i, l, x| i.activated(&l.name, only(x)?, "log_sigmoid"),
        "Mish" => |i, l, x| i.activated(&l.name, only(x)?, "mish"),
        "Selu" => |i, l, x| i.activated(&l.name, only(x)?, "selu"),
        "Silu" | "TFOpLambda nn.silu" | "TFOpLambda nn.swish" => {
            |i, l, x| i.activated(&l.name, only(x)?, "silu")
        }
        "Softplus" => |i, l, x| i.activated(&l.name, only(x)?, "softplus"),
        "Softsign" => |i, l, x| i.activated(&l.name, only(x)?, "softsign"),
        _ => return None,
    })
}

impl Importer<'_> {
    /// An activation function by its name.
    pub(super) fn activated(&mut self, name: &str, x: TensorId, function: &str) -> Result<TensorId, Failure> {
        match function {
            "linear" => Ok(x),
            "relu" => self.emit(name, Relu {}, &[x]),
            "relu6" => self.emit(name, Relu6 {}, &[x]),
            "sigmoid" => self.emit(name, Logistic {}, &[x]),
            "tanh" => self.emit(name, Tanh {}, &[x]),
            "softmax" => self.emit(name, Softmax { beta: 1.0 }, &[x]),
            "log_softmax" => self.emit(name, LogSoftmax {}, &[x]),
            "elu" => self.emit(name, Elu {}, &[x]),
            "exponential" => self.emit(name, Exp {}, &[x]),
            "gelu" => self.emit(name, Gelu { approximate: false }, &[x]),
            "leaky_relu" => self.emit(name, LeakyRelu { alpha: 0.2 }, &[x]),
            "swish" | "silu" => {
                let gate = self.emit(&format!("{name}/gate"), Logistic {}, &[x])?;
                self.emit(name, Mul::default(), &[x, gate])
            }
            // relu6(x + 3) / 6 in Keras 3, clip(0.2 x + 0.5, 0, 1) in Keras 2.
            "hard_sigmoid" => {
                let slope = if self.weights.is_keras_2 { 0.2 } else { 1.0 / 6.0 };
                let share = self.scalar(&format!("{name}/share"), slope)?;
                let half = self.scalar(&format!("{name}/half"), 0.5)?;
                let line = self.emit(&format!("{name}/product"), Mul::default(), &[x, share])?;
                let line = self.emit(&format!("{name}/line"), Add::default(), &[line, half])?;
                self.emit(name, Relu0To1 {}, &[line])
            }
            "hard_swish" | "hard_silu" => self.emit(name, HardSwish {}, &[x]),
            "hard_tanh" => self.emit(name, ReluN1To1 {}, &[x]),
            _ => self.composed(name, x, function),
        }
    }

    /// An activation function that the format has no operator for.
    fn composed(&mut self, name: &str, x: TensorId, function: &str) -> Result<TensorId, Failure> {
        let mut f = Formula::new(&mut self.builder, name);
        match function {
            // With an alpha of 1, as the function has it where it is only named.
            "celu" => f.exponential(x, 1.0, 1.0, 1.0),
            "log_sigmoid" => {
                let below = f.with(Mul::default(), x, -1.0)?;
                let size = f.softplus(below)?;
                f.with(Mul::default(), size, -1.0)
            }
            "mish" => {
                let size = f.softplus(x)?;
                let gate = f.of(Tanh {}, size)?;
                f.both(Mul::default(), x, gate)
            }
            "selu" => f.selu(x),
            "softplus" => f.softplus(x),
            "softsign" => f.softsign(x),
            "squareplus" => {
                let root = f.root(x, 1.0, 4.0)?;
                let sum = f.both(Add::default(), x, root)?;
                f.with(Mul::default(), sum, 0.5)
            }
            "tanh_shrink" => {
                let curve = f.of(Tanh {}, x)?;
                f.both(Sub::default(), x, curve)
            }
            other => Err(Failure::new(format!("the activation '{other}' is not supported"))),
        }
    }

    /// `softmax` or `log_softmax` over the axis of the configuration.
    fn softmax(&mut self, layer: &Layer, inputs: &[TensorId], function: &str) -> Result<TensorId, Failure> {
        let x = only(inputs)?;
        let rank = self.dims(x).len();
        let axis = match axes(layer, "axis", rank)?.as_deref() {
            // A scalar has no last axis.
            None => rank.checked_sub(1).ok_or_else(|| Failure::new("its input has no dimensions"))?,
            Some(&[axis]) => axis,
            Some(_) => return Err(Failure::new("several axes are not supported")),
        };
        if axis + 1 == rank {
            return self.activated(&layer.name, x, function);
        }
        let mut order: Vec<usize> = (0..rank).collect();
        order.swap(axis, rank - 1);
        let name = &layer.name;
        let turned = self.builder.transpose(&format!("{name}/last"), x, &order)?;
        let result = self.activated(&format!("{name}/shares"), turned, function)?;
        self.builder.transpose(name, result, &order)
    }

    /// A real number as a tensor.
    pub(super) fn scalar(&mut self, name: &str, number: f32) -> Result<TensorId, Failure> {
        self.builder.scalar(name, number)
    }
}

fn elu(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let (x, alpha) = (only(inputs)?, layer.number("alpha", 1.0));
    if alpha == 1.0 {
        return importer.activated(&layer.name, x, "elu");
    }
    Formula::new(&mut importer.builder, &layer.name).exponential(x, 1.0, alpha, 1.0)
}

fn leaky(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    // Keras 2 calls it alpha, with another default.
    let alpha = layer.number("negative_slope", layer.number("alpha", 0.3));
    importer.emit(&layer.name, LeakyRelu { alpha }, &[only(inputs)?])
}

fn prelu(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let alpha = importer.constant(layer, &layer.name, "alpha", &["alpha"])?;
    importer.emit(&layer.name, Prelu {}, &[only(inputs)?, alpha])
}

/// `max_value` from there on, `x` from the threshold on, below it `negative_slope * (x - threshold)`.
fn relu(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let (name, x) = (&layer.name, only(inputs)?);
    let most = layer.config["max_value"].as_f64().map(|n| n as f32);
    let (slope, threshold) = (layer.number("negative_slope", 0.0), layer.number("threshold", 0.0));
    let result = match (most, slope) {
        _ if threshold != 0.0 => {
            let limit = importer.scalar(&format!("{name}/threshold"), threshold)?;
            let mut f = Formula::new(&mut importer.builder, name);
            let below = f.with(Sub::default(), x, threshold)?;
            let below = f.with(Mul::default(), below, slope)?;
            let (builder, reached) = (&mut importer.builder, format!("{name}/reached"));
            let reached = builder.emit(&reached, GreaterEqual {}, &[x, limit], TensorType::Bool)?;
            importer.emit(&format!("{name}/chosen"), SelectV2 {}, &[reached, x, below])?
        }
        (Some(6.0), 0.0) => return importer.activated(name, x, "relu6"),
        (_, 0.0) => importer.activated(&format!("{name}/above"), x, "relu")?,
        (_, alpha) => importer.emit(&format!("{name}/above"), LeakyRelu { alpha }, &[x])?,
    };
    match most {
        None => Ok(result),
        Some(most) => {
            let most = importer.scalar(&format!("{name}/most"), most)?;
            importer.emit(name, Minimum {}, &[result, most])
        }
    }
}
