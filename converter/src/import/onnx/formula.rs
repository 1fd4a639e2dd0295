//! Functions that the format has no operator for, put together of those it has.

use sedge_schema::TensorType;
use sedge_schema::op::{
    Abs, Add, Atan2, Cos, Div, Elu, Equal, Exp, Greater, Less, Log, Minimum, Mul, Neg, NotEqual, Relu,
    Relu0To1, Sign, Sin, Sqrt, Sub, Tanh,
};

use super::call::Call;
use super::value::Value;
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::Operation;

pub(super) fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "Celu" | "Elu" | "Erf" | "HardSigmoid" | "Mish" | "Reciprocal" | "Selu" | "Shrink" | "Softplus"
        | "Softsign" | "ThresholdedRelu" => composed,
        "Acos" | "Acosh" | "Asin" | "Asinh" | "Atan" | "Atanh" | "Cosh" | "Sinh" | "Tan" => trigonometric,
        "IsInf" | "IsNaN" => test,
        _ => return None,
    })
}

/// A function that is put together of others.
struct Formula<'i, 'm, 'c> {
    importer: &'i mut Importer<'m>,
    call: &'c Call<'c>,
    steps: usize,
}

impl Formula<'_, '_, '_> {
    fn name(&mut self) -> String {
        self.steps += 1;
        self.call.part(&self.steps.to_string())
    }

    fn of(&mut self, op: impl Into<Operation>, x: &Value) -> Result<Value, Failure> {
        let name = self.name();
        self.importer.unary(&name, op, x)
    }

    fn both(&mut self, op: impl Into<Operation>, a: &Value, b: &Value) -> Result<Value, Failure> {
        let name = self.name();
        self.importer.binary(&name, op, [a, b], None)
    }

    /// An operator of `x` and a number.
    fn with(&mut self, op: impl Into<Operation>, x: &Value, number: f32) -> Result<Value, Failure> {
        let name = self.name();
        let number = self.importer.scalar(&name, number)?;
        self.both(op, x, &number)
    }

    /// `number / x`.
    fn divided(&mut self, number: f32, x: &Value) -> Result<Value, Failure> {
        let name = self.name();
        let number = self.importer.scalar(&name, number)?;
        self.both(Div::default(), &number, x)
    }

    /// 1 where a comparison of `x` with a number holds, else 0.
    fn above(&mut self, op: impl Into<Operation>, x: &Value, number: f32) -> Result<Value, Failure> {
        let (limit, holds, factor) = (self.name(), self.name(), self.name());
        let limit = self.importer.scalar(&limit, number)?;
        let holds = self.importer.binary(&holds, op, [x, &limit], Some(TensorType::Bool))?;
        self.importer.cast(&factor, &holds, TensorType::Float32)
    }

    /// `exp(x)` and `exp(-x)`.
    fn exponentials(&mut self, x: &Value) -> Result<[Value; 2], Failure> {
        let below = self.with(Mul::default(), x, -1.0)?;
        Ok([self.of(Exp {}, x)?, self.of(Exp {}, &below)?])
    }

    /// `sqrt(factor * x^2 + offset)`.
    fn root(&mut self, x: &Value, factor: f32, offset: f32) -> Result<Value, Failure> {
        let square = self.both(Mul::default(), x, x)?;
        let square = if factor == 1.0 { square } else { self.with(Mul::default(), &square, factor)? };
        let sum = self.with(Add::default(), &square, offset)?;
        self.of(Sqrt {}, &sum)
    }

    /// `factor * max(x, 0) + scale * (exp(min(x, 0) / width) - 1)`.
    fn exponential(&mut self, x: &Value, factor: f32, scale: f32, width: f32) -> Result<Value, Failure> {
        let above = self.of(Relu {}, x)?;
        let above = if factor == 1.0 { above } else { self.with(Mul::default(), &above, factor)? };
        let below = self.with(Minimum {}, x, 0.0)?;
        let below = if width == 1.0 { below } else { self.with(Mul::default(), &below, 1.0 / width)? };
        let below = self.of(Exp {}, &below)?;
        let below = self.with(Sub::default(), &below, 1.0)?;
        let below = self.with(Mul::default(), &below, scale)?;
        self.both(Add::default(), &above, &below)
    }

    /// `log(1 + exp(x))`, as `max(x, 0) + log(1 + exp(-|x|))`, which does not overflow.
    fn softplus(&mut self, x: &Value) -> Result<Value, Failure> {
        let size = self.of(Abs {}, x)?;
        let below = self.with(Mul::default(), &size, -1.0)?;
        let below = self.of(Exp {}, &below)?;
        let below = self.with(Add::default(), &below, 1.0)?;
        let below = self.of(Log {}, &below)?;
        let above = self.of(Relu {}, x)?;
        self.both(Add::default(), &above, &below)
    }

    /// The error function by formula 7.1.26 of Abramowitz and Stegun, Handbook of Mathematical Functions;
    /// it is off by 1.5e-7 at most.
    fn erf(&mut self, x: &Value) -> Result<Value, Failure> {
        let size = self.of(Abs {}, x)?;
        let t = self.with(Mul::default(), &size, 0.327_591_1)?;
        let t = self.with(Add::default(), &t, 1.0)?;
        let t = self.divided(1.0, &t)?;
        let mut sum = self.with(Mul::default(), &t, 1.061_405_4)?;
        for coefficient in [-1.453_152_1, 1.421_413_8, -0.284_496_72, 0.254_829_6] {
            sum = self.with(Add::default(), &sum, coefficient)?;
            sum = self.both(Mul::default(), &sum, &t)?;
        }
        let square = self.both(Mul::default(), x, x)?;
        let square = self.with(Mul::default(), &square, -1.0)?;
        let bell = self.of(Exp {}, &square)?;
        let rest = self.both(Mul::default(), &sum, &bell)?;
        let size = self.with(Mul::default(), &rest, -1.0)?;
        let size = self.with(Add::default(), &size, 1.0)?;
        let sign = self.of(Sign {}, x)?;
        self.both(Mul::default(), &size, &sign)
    }
}

fn composed(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let x = importer.input(call, 0)?;
    let mut f = Formula { importer, call, steps: 0 };
    let result = match call.op() {
        "Celu" => {
            let alpha = call.float("alpha", 1.0);
            f.exponential(&x, 1.0, alpha, alpha)?
        }
        "Elu" => match call.float("alpha", 1.0) {
            1.0 => f.of(Elu {}, &x)?,
            alpha => f.exponential(&x, 1.0, alpha, 1.0)?,
        },
        "Erf" => f.erf(&x)?,
        "HardSigmoid" => {
            let line = f.with(Mul::default(), &x, call.float("alpha", 0.2))?;
            let line = f.with(Add::default(), &line, call.float("beta", 0.5))?;
            f.of(Relu0To1 {}, &line)?
        }
        "Mish" => {
            let soft = f.softplus(&x)?;
            let gate = f.of(Tanh {}, &soft)?;
            f.both(Mul::default(), &x, &gate)?
        }
        "Reciprocal" => f.divided(1.0, &x)?,
        "Selu" => {
            let (alpha, gamma) = (call.float("alpha", 1.673_263_2), call.float("gamma", 1.050_701));
            f.exponential(&x, gamma, alpha * gamma, 1.0)?
        }
        "Shrink" => {
            let (limit, bias) = (call.float("lambd", 0.5), call.float("bias", 0.0));
            let above = f.above(Greater {}, &x, limit)?;
            let below = f.above(Less {}, &x, -limit)?;
            let (up, down) = (f.with(Add::default(), &x, bias)?, f.with(Sub::default(), &x, bias)?);
            let (below, above) =
                (f.both(Mul::default(), &up, &below)?, f.both(Mul::default(), &down, &above)?);
            f.both(Add::default(), &below, &above)?
        }
        "Softplus" => f.softplus(&x)?,
        "Softsign" => {
            let size = f.of(Abs {}, &x)?;
            let size = f.with(Add::default(), &size, 1.0)?;
            f.both(Div::default(), &x, &size)?
        }
        "ThresholdedRelu" => {
            let factor = f.above(Greater {}, &x, call.float("alpha", 1.0))?;
            f.both(Mul::default(), &x, &factor)?
        }
        other => return call.refuse(format!("no formula for {other}")),
    };
    importer.set(call, 0, result)
}

fn trigonometric(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let x = importer.input(call, 0)?;
    let mut f = Formula { importer, call, steps: 0 };
    let result = match call.op() {
        "Tan" => {
            let (sine, cosine) = (f.of(Sin {}, &x)?, f.of(Cos {}, &x)?);
            f.both(Div::default(), &sine, &cosine)?
        }
        // The angle of the point (sqrt(1 - x^2), x), and that of (x, sqrt(1 - x^2)).
        "Asin" => {
            let other = f.root(&x, -1.0, 1.0)?;
            f.both(Atan2 {}, &x, &other)?
        }
        "Acos" => {
            let other = f.root(&x, -1.0, 1.0)?;
            f.both(Atan2 {}, &other, &x)?
        }
        "Atan" => f.with(Atan2 {}, &x, 1.0)?,
        "Sinh" | "Cosh" => {
            let [up, down] = f.exponentials(&x)?;
            let sum = match call.op() {
                "Sinh" => f.both(Sub::default(), &up, &down)?,
                _ => f.both(Add::default(), &up, &down)?,
            };
            f.with(Mul::default(), &sum, 0.5)?
        }
        // The sign is put back at the end: for x below 0 the sum would cancel.
        "Asinh" => {
            let size = f.of(Abs {}, &x)?;
            let root = f.root(&x, 1.0, 1.0)?;
            let sum = f.both(Add::default(), &size, &root)?;
            let log = f.of(Log {}, &sum)?;
            let sign = f.of(Sign {}, &x)?;
            f.both(Mul::default(), &log, &sign)?
        }
        "Acosh" => {
            let root = f.root(&x, 1.0, -1.0)?;
            let sum = f.both(Add::default(), &x, &root)?;
            f.of(Log {}, &sum)?
        }
        "Atanh" => {
            let up = f.with(Add::default(), &x, 1.0)?;
            let down = f.with(Mul::default(), &x, -1.0)?;
            let down = f.with(Add::default(), &down, 1.0)?;
            let share = f.both(Div::default(), &up, &down)?;
            let log = f.of(Log {}, &share)?;
            f.with(Mul::default(), &log, 0.5)?
        }
        other => return call.refuse(format!("no formula for {other}")),
    };
    importer.set(call, 0, result)
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
