//! Functions that the format has no operator for.

use sedge_schema::TensorType;
use sedge_schema::op::{
    Abs, Add, Atan2, Div, Elu, Equal, Greater, Less, Log, Mul, Neg, NotEqual, Relu0To1, Sign, Sub, Tanh,
};

use super::call::Call;
use super::value::Value;
use super::{Handler, Importer};
use crate::Failure;
use crate::import::formula::{Formula, SELU};

pub(super) fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "Celu" | "Elu" | "Erf" | "HardSigmoid" | "Mish" | "Reciprocal" | "Selu" | "Shrink" | "Softplus"
        | "Softsign" | "ThresholdedRelu" => composed,
        "Acos" | "Acosh" | "Asin" | "Asinh" | "Atan" | "Atanh" | "Cosh" | "Sinh" | "Tan" => trigonometric,
        "IsInf" | "IsNaN" => test,
        _ => return None,
    })
}

fn composed(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let x = value.tensor;
    let mut f = Formula::new(&mut importer.builder, call.name());
    let result = match call.op() {
        "Celu" => {
            let alpha = call.float("alpha", 1.0);
            f.exponential(x, 1.0, alpha, alpha)?
        }
        "Elu" => match call.float("alpha", 1.0) {
            1.0 => f.of(Elu {}, x)?,
            alpha => f.exponential(x, 1.0, alpha, 1.0)?,
        },
        "Erf" => f.erf(x)?,
        "HardSigmoid" => {
            let line = f.with(Mul::default(), x, call.float("alpha", 0.2))?;
            let line = f.with(Add::default(), line, call.float("beta", 0.5))?;
            f.of(Relu0To1 {}, line)?
        }
        "Mish" => {
            let soft = f.softplus(x)?;
            let gate = f.of(Tanh {}, soft)?;
            f.both(Mul::default(), x, gate)?
        }
        "Reciprocal" => f.divided(1.0, x)?,
        "Selu" => {
            let (alpha, gamma) = (call.float("alpha", SELU.0), call.float("gamma", SELU.1));
            f.exponential(x, gamma, alpha * gamma, 1.0)?
        }
        "Shrink" => {
            let (limit, bias) = (call.float("lambd", 0.5), call.float("bias", 0.0));
            let above = f.above(Greater {}, x, limit)?;
            let below = f.above(Less {}, x, -limit)?;
            let (up, down) = (f.with(Add::default(), x, bias)?, f.with(Sub::default(), x, bias)?);
            let (below, above) = (f.both(Mul::default(), up, below)?, f.both(Mul::default(), down, above)?);
            f.both(Add::default(), below, above)?
        }
        "Softplus" => f.softplus(x)?,
        "Softsign" => f.softsign(x)?,
        "ThresholdedRelu" => {
            let factor = f.above(Greater {}, x, call.float("alpha", 1.0))?;
            f.both(Mul::default(), x, factor)?
        }
        other => return call.refuse(format!("no formula for {other}")),
    };
    importer.set(call, 0, Value { tensor: result, axes: value.axes })
}

fn trigonometric(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let x = value.tensor;
    let mut f = Formula::new(&mut importer.builder, call.name());
    let result = match call.op() {
        "Tan" => f.tangent(x)?,
        // The angle of the point (sqrt(1 - x^2), x), and that of (x, sqrt(1 - x^2)).
        "Asin" => {
            let other = f.root(x, -1.0, 1.0)?;
            f.both(Atan2 {}, x, other)?
        }
        "Acos" => {
            let other = f.root(x, -1.0, 1.0)?;
            f.both(Atan2 {}, other, x)?
        }
        "Atan" => f.with(Atan2 {}, x, 1.0)?,
        "Sinh" | "Cosh" => {
            let [up, down] = f.exponentials(x)?;
            let sum = match call.op() {
                "Sinh" => f.both(Sub::default(), up, down)?,
                _ => f.both(Add::default(), up, down)?,
            };
            f.with(Mul::default(), sum, 0.5)?
        }
        // The sign is put back at the end: for x below 0 the sum would cancel.
        "Asinh" => {
            let size = f.of(Abs {}, x)?;
            let root = f.root(x, 1.0, 1.0)?;
            let sum = f.both(Add::default(), size, root)?;
            let log = f.of(Log {}, sum)?;
            let sign = f.of(Sign {}, x)?;
            f.both(Mul::default(), log, sign)?
        }
        "Acosh" => {
            let root = f.root(x, 1.0, -1.0)?;
            let sum = f.both(Add::default(), x, root)?;
            f.of(Log {}, sum)?
        }
        "Atanh" => {
            let up = f.with(Add::default(), x, 1.0)?;
            let down = f.with(Mul::default(), x, -1.0)?;
            let down = f.with(Add::default(), down, 1.0)?;
            let share = f.both(Div::default(), up, down)?;
            let log = f.of(Log {}, share)?;
            f.with(Mul::default(), log, 0.5)?
        }
        other => return call.refuse(format!("no formula for {other}")),
    };
    importer.set(call, 0, Value { tensor: result, axes: value.axes })
}

fn test(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let x = importer.input(call, 0)?;
    let bool = Some(TensorType::Bool);
    let result = if call.op() == "IsNaN" {
        importer.binary(call.name(), NotEqual {}, [&x, &x], bool)?
    } else {
        let (above, below) = (call.int("detect_positive", 1) != 0, call.int("detect_negative", 1) != 0);
        let x = match (above, below) {
            (true, true) => importer.unary(&call.part("size"), Abs {}, &x)?,
            (true, false) => x,
            (false, true) => importer.unary(&call.part("negative"), Neg {}, &x)?,
            (false, false) => return call.refuse("it looks for nothing"),
        };
        let infinity = importer.scalar(&call.part("infinity"), f32::INFINITY)?;
        importer.binary(call.name(), Equal {}, [&x, &infinity], bool)?
    };
    importer.set(call, 0, result)
}
