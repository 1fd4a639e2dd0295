//! Activations, as layers and inside other layers.

use sedge_schema::op::{
    Add, Elu, Exp, Gelu, LeakyRelu, LogSoftmax, Logistic, Maximum, Minimum, Mul, Prelu, Relu, Relu0To1,
    Relu6, Softmax, Tanh,
};

use super::config::Layer;
use super::{Handler, Importer, only};
use crate::Failure;
use crate::graph::TensorId;

pub(super) fn handler(class: &str) -> Option<Handler> {
    Some(match class {
        "Activation" => |i, l, x| i.activated(&l.name, only(x)?, l.text("activation", "linear")),
        "ELU" => elu,
        "LeakyReLU" => leaky,
        "PReLU" => prelu,
        "ReLU" => relu,
        "Softmax" => softmax,
        "TFOpLambda nn.relu" => |i, l, x| i.activated(&l.name, only(x)?, "relu"),
        "TFOpLambda nn.relu6" => |i, l, x| i.activated(&l.name, only(x)?, "relu6"),
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
            other => Err(Failure::new(format!("the activation '{other}' is not supported"))),
        }
    }

    /// A real number as a tensor.
    pub(super) fn scalar(&mut self, name: &str, number: f32) -> Result<TensorId, Failure> {
        self.builder.scalar(name, number)
    }
}

fn elu(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    if layer.number("alpha", 1.0) != 1.0 {
        return Err(Failure::new("only an alpha of 1 is supported"));
    }
    importer.activated(&layer.name, only(inputs)?, "elu")
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

fn relu(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let max = layer.config["max_value"].as_f64();
    let (slope, threshold) = (layer.number("negative_slope", 0.0), layer.number("threshold", 0.0));
    if threshold != 0.0 {
        return Err(Failure::new(format!("a threshold of {threshold} is not supported")));
    }
    match (max, slope) {
        (None, 0.0) => importer.activated(&layer.name, x, "relu"),
        (Some(6.0), 0.0) => importer.activated(&layer.name, x, "relu6"),
        (None, alpha) => importer.emit(&layer.name, LeakyRelu { alpha }, &[x]),
        (Some(max), 0.0) => {
            let zero = importer.scalar(&format!("{}/zero", layer.name), 0.0)?;
            let above = importer.emit(&format!("{}/above", layer.name), Maximum {}, &[x, zero])?;
            let max = importer.scalar(&format!("{}/max", layer.name), max as f32)?;
            importer.emit(&layer.name, Minimum {}, &[above, max])
        }
        _ => Err(Failure::new("a slope together with a largest value is not supported")),
    }
}

fn softmax(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let rank = importer.dims(x).len() as i64;
    let axis = &layer.config["axis"];
    let axis = axis.as_i64().or_else(|| axis.get(0).and_then(serde_json::Value::as_i64)).unwrap_or(-1);
    if axis != -1 && axis != rank - 1 {
        return Err(Failure::new(format!("axis {axis} is not supported, only the last one")));
    }
    importer.activated(&layer.name, x, "softmax")
}
