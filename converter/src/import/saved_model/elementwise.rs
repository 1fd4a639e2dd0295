//! Operators that work element by element, with broadcasting, and activations.

use sedge_schema::TensorType;
use sedge_schema::op::{
    Abs, Add, AddN, Atan2, Cast, Ceil, Cos, Div, Elu, Equal, Exp, Floor, FloorDiv, FloorMod, Greater,
    GreaterEqual, LeakyRelu, Less, LessEqual, Log, LogSoftmax, LogicalAnd, LogicalNot, LogicalOr, Logistic,
    Maximum, Minimum, Mul, Neg, NotEqual, Pow, Relu, Relu6, Round, Rsqrt, SelectV2, Sign, Sin, Softmax, Sqrt,
    Square, SquaredDifference, Sub, Tanh,
};

use super::call::Call;
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::TensorId;
use crate::import::formula::Formula;

pub(super) fn handler(op: &str) -> Option<Handler> {
    Some(Handler::Tensors(match op {
        "Abs" => |i, c, x| i.emit(&c.name, Abs {}, x),
        "Add" | "AddV2" | "BiasAdd" => add,
        "AddN" => |i, c, x| i.emit(&c.name, AddN {}, x),
        "Atan2" => |i, c, x| i.emit(&c.name, Atan2 {}, x),
        "Cast" => cast,
        "Ceil" => |i, c, x| i.emit(&c.name, Ceil {}, x),
        "Cos" => |i, c, x| i.emit(&c.name, Cos {}, x),
        "Div" | "RealDiv" => |i, c, x| i.emit(&c.name, Div::default(), x),
        "Elu" => |i, c, x| i.emit(&c.name, Elu {}, x),
        "Equal" => |i, c, x| i.builder.emit(&c.name, Equal {}, x, TensorType::Bool),
        "Erf" | "Erfc" | "Expm1" | "Inv" | "Log1p" | "Reciprocal" | "Selu" | "Softplus" | "Softsign"
        | "Tan" => composed,
        "Exp" => |i, c, x| i.emit(&c.name, Exp {}, x),
        "Floor" => |i, c, x| i.emit(&c.name, Floor {}, x),
        "FloorDiv" => |i, c, x| i.emit(&c.name, FloorDiv {}, x),
        "FloorMod" => |i, c, x| i.emit(&c.name, FloorMod {}, x),
        "Greater" => |i, c, x| i.builder.emit(&c.name, Greater {}, x, TensorType::Bool),
        "GreaterEqual" => |i, c, x| i.builder.emit(&c.name, GreaterEqual {}, x, TensorType::Bool),
        "LeakyRelu" => |i, c, x| i.emit(&c.name, LeakyRelu { alpha: c.float("alpha", 0.2) }, x),
        "Less" => |i, c, x| i.builder.emit(&c.name, Less {}, x, TensorType::Bool),
        "LessEqual" => |i, c, x| i.builder.emit(&c.name, LessEqual {}, x, TensorType::Bool),
        "Log" => |i, c, x| i.emit(&c.name, Log {}, x),
        "LogSoftmax" => |i, c, x| i.emit(&c.name, LogSoftmax {}, x),
        "LogicalAnd" => |i, c, x| i.emit(&c.name, LogicalAnd {}, x),
        "LogicalNot" => |i, c, x| i.emit(&c.name, LogicalNot {}, x),
        "LogicalOr" => |i, c, x| i.emit(&c.name, LogicalOr {}, x),
        "Maximum" => |i, c, x| i.emit(&c.name, Maximum {}, x),
        "Minimum" => |i, c, x| i.emit(&c.name, Minimum {}, x),
        "Mul" => |i, c, x| i.emit(&c.name, Mul::default(), x),
        "Neg" => |i, c, x| i.emit(&c.name, Neg {}, x),
        "NotEqual" => |i, c, x| i.builder.emit(&c.name, NotEqual {}, x, TensorType::Bool),
        "Pow" => power,
        "Relu" => |i, c, x| i.emit(&c.name, Relu {}, x),
        "Relu6" => |i, c, x| i.emit(&c.name, Relu6 {}, x),
        "Rint" | "Round" => |i, c, x| i.emit(&c.name, Round {}, x),
        "Rsqrt" => |i, c, x| i.emit(&c.name, Rsqrt {}, x),
        "Select" | "SelectV2" => select,
        "Sigmoid" => |i, c, x| i.emit(&c.name, Logistic {}, x),
        "Sign" => |i, c, x| i.emit(&c.name, Sign {}, x),
        "Sin" => |i, c, x| i.emit(&c.name, Sin {}, x),
        "Softmax" => |i, c, x| i.emit(&c.name, Softmax { beta: 1.0 }, x),
        "Sqrt" => |i, c, x| i.emit(&c.name, Sqrt {}, x),
        "Square" => |i, c, x| i.emit(&c.name, Square {}, x),
        "SquaredDifference" => |i, c, x| i.emit(&c.name, SquaredDifference {}, x),
        "Sub" => |i, c, x| i.emit(&c.name, Sub::default(), x),
        "Tanh" => |i, c, x| i.emit(&c.name, Tanh {}, x),
        _ => return None,
    }))
}

fn add(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    if call.op() == "BiasAdd" {
        // Its layout is refused where channels come first.
        call.spatial("strides")?;
    }
    importer.emit(&call.name, Add::default(), x)
}

fn cast(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [x] = call.operands(x)?;
    let from = importer.builder.kind(x);
    let to = call.kind("DstT", from)?;
    if from == to {
        return Ok(x);
    }
    importer.builder.emit(&call.name, Cast { in_data_type: from, out_data_type: to }, &[x], to)
}

/// POW; a square or a root where the exponent is a constant that says so.
fn power(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [base, exponent] = call.operands(x)?;
    match importer.builder.graph.tensor(exponent).floats().unwrap_or_default().as_slice() {
        [1.0] => Ok(base),
        [2.0] => importer.emit(&call.name, Mul::default(), &[base, base]),
        [0.5] => importer.emit(&call.name, Sqrt {}, &[base]),
        [-0.5] => importer.emit(&call.name, Rsqrt {}, &[base]),
        _ => importer.emit(&call.name, Pow {}, &[base, exponent]),
    }
}

fn select(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [condition, a, b] = call.operands(x)?;
    let kind = importer.builder.kind(a);
    // The older one takes a condition for each row, which lines up from the front.
    let (own, full) = (importer.dims(condition), importer.dims(a));
    let condition = if call.op() == "Select" && own.len() == 1 && full.len() > 1 {
        let mut dims = vec![1; full.len()];
        dims.iter_mut().zip(own).for_each(|(d, size)| *d = size);
        importer.builder.reshape(&call.part("condition"), condition, &dims)?
    } else {
        condition
    };
    importer.builder.emit(&call.name, SelectV2 {}, &[condition, a, b], kind)
}

fn composed(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [x] = call.operands(x)?;
    let mut f = Formula::new(&mut importer.builder, &call.name);
    match call.op() {
        "Erf" => f.erf(x),
        "Erfc" => {
            let error = f.erf(x)?;
            let error = f.of(Neg {}, error)?;
            f.with(Add::default(), error, 1.0)
        }
        "Expm1" => {
            let power = f.of(Exp {}, x)?;
            f.with(Sub::default(), power, 1.0)
        }
        "Inv" | "Reciprocal" => f.divided(1.0, x),
        "Log1p" => {
            let sum = f.with(Add::default(), x, 1.0)?;
            f.of(Log {}, sum)
        }
        "Selu" => f.selu(x),
        "Softplus" => f.softplus(x),
        "Softsign" => f.softsign(x),
        _ => f.tangent(x),
    }
}
