//! Operators that work element by element, with broadcasting.

use sedge_schema::TensorType;
use sedge_schema::op::{
    Abs, Add, Cast, Ceil, Cos, Div, Elu, Equal, Exp, Floor, FloorMod, Gelu, Greater, GreaterEqual, HardSwish,
    LeakyRelu, Less, LessEqual, Log, LogicalAnd, LogicalNot, LogicalOr, Logistic, Maximum, Minimum, Mul, Neg,
    NotEqual, Pow, Prelu, Relu, Relu0To1, Relu6, ReluN1To1, Round, Rsqrt, SelectV2, Sign, Sin, Sqrt, Sub,
    Tanh,
};

use super::call::Call;
use super::value::{Value, plain};
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::{Operation, TensorId};

pub(super) fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "Abs" => |i, c| i.unary_node(c, Abs {}),
        "Ceil" => |i, c| i.unary_node(c, Ceil {}),
        "Cos" => |i, c| i.unary_node(c, Cos {}),
        "Exp" => |i, c| i.unary_node(c, Exp {}),
        "Floor" => |i, c| i.unary_node(c, Floor {}),
        "HardSwish" => |i, c| i.unary_node(c, HardSwish {}),
        "Log" => |i, c| i.unary_node(c, Log {}),
        "Neg" => |i, c| i.unary_node(c, Neg {}),
        "Not" => |i, c| i.unary_node(c, LogicalNot {}),
        "Relu" => |i, c| i.unary_node(c, Relu {}),
        "Round" => |i, c| i.unary_node(c, Round {}),
        "Sigmoid" => |i, c| i.unary_node(c, Logistic {}),
        "Sign" => |i, c| i.unary_node(c, Sign {}),
        "Sin" => |i, c| i.unary_node(c, Sin {}),
        "Sqrt" => |i, c| i.unary_node(c, Sqrt {}),
        "Tanh" => |i, c| i.unary_node(c, Tanh {}),
        "LeakyRelu" => |i, c| i.unary_node(c, LeakyRelu { alpha: c.float("alpha", 0.01) }),
        "Gelu" => |i, c| i.unary_node(c, Gelu { approximate: c.text("approximate", "none") == "tanh" }),
        "Celu" | "Elu" | "Erf" | "HardSigmoid" | "Mish" | "Reciprocal" | "Selu" | "Softplus" | "Softsign"
        | "Tan" | "ThresholdedRelu" => composed,
        "Clip" => clip,
        "Add" => |i, c| i.binary_node(c, Add::default(), None),
        "And" => |i, c| i.binary_node(c, LogicalAnd {}, None),
        "Div" => division,
        "Equal" => |i, c| i.binary_node(c, Equal {}, Some(TensorType::Bool)),
        "Greater" => |i, c| i.binary_node(c, Greater {}, Some(TensorType::Bool)),
        "GreaterOrEqual" => |i, c| i.binary_node(c, GreaterEqual {}, Some(TensorType::Bool)),
        "Less" => |i, c| i.binary_node(c, Less {}, Some(TensorType::Bool)),
        "LessOrEqual" => |i, c| i.binary_node(c, LessEqual {}, Some(TensorType::Bool)),
        "Max" => |i, c| variadic(i, c, Maximum {}),
        "Min" => |i, c| variadic(i, c, Minimum {}),
        "Sum" => |i, c| variadic(i, c, Add::default()),
        "Mean" => mean,
        "Mod" => remainder,
        "Mul" => |i, c| i.binary_node(c, Mul::default(), None),
        "Or" => |i, c| i.binary_node(c, LogicalOr {}, None),
        "Pow" => power,
        "PRelu" => |i, c| i.binary_node(c, Prelu {}, None),
        "Sub" => |i, c| i.binary_node(c, Sub::default(), None),
        "Where" => select,
        "Xor" => |i, c| i.binary_node(c, NotEqual {}, Some(TensorType::Bool)),
        _ => return None,
    })
}

impl Importer<'_> {
    /// Adds an operator of one operand, which keeps its shape and order.
    pub(super) fn unary(
        &mut self,
        name: &str,
        op: impl Into<Operation>,
        value: &Value,
    ) -> Result<Value, Failure> {
        let kind = self.kind(value);
        let tensor = self.builder.emit(name, op, &[value.tensor], kind)?;
        Ok(Value { tensor, axes: value.axes.clone() })
    }

    /// Adds an operator of two operands with broadcasting; `kind` is the result's type where it is not theirs.
    pub(super) fn binary(
        &mut self,
        name: &str,
        op: impl Into<Operation>,
        [a, b]: [&Value; 2],
        kind: Option<TensorType>,
    ) -> Result<Value, Failure> {
        let kind = kind.unwrap_or(self.kind(a));
        let (tensors, axes) = self.aligned(&[a, b])?;
        let tensor = self.builder.emit(name, op, &tensors, kind)?;
        Ok(Value { tensor, axes })
    }

    /// A real number as a value.
    pub(super) fn scalar(&mut self, name: &str, number: f32) -> Result<Value, Failure> {
        let tensor = self.builder.floats(name, &[], &[number])?;
        self.builder.graph.tensor_mut(tensor).has_rank = true;
        Ok(Value { tensor, axes: Vec::new() })
    }

    /// Operands of one rank in one order of storage, for operators that broadcast: those of the first operand
    /// that is computed and has all dimensions.
    pub(super) fn aligned(&mut self, values: &[&Value]) -> Result<(Vec<TensorId>, Vec<usize>), Failure> {
        let rank = values.iter().map(|v| v.axes.len()).max().unwrap_or(0);
        let full = |v: &&&Value| v.axes.len() == rank;
        let computed = |v: &&&Value| !self.builder.graph.tensor(v.tensor).is_constant();
        let reordered = values.iter().filter(full).filter(computed).find(|v| v.axes != plain(rank));
        let axes = reordered.map_or(plain(rank), |v| v.axes.clone());
        let mut tensors = Vec::new();
        for &value in values {
            let dims = self.dims(value);
            let is_single = dims.iter().all(|&d| d == 1);
            if is_single && dims.len() < rank {
                tensors.push(value.tensor);
                continue;
            }
            let ones = std::iter::repeat_n(1, rank - dims.len());
            let dims: Vec<usize> = ones.chain(dims).collect();
            let name = format!("{}/broadcast", self.builder.graph.tensor(value.tensor).name);
            let value = self.reshape(&name, value, &dims)?;
            tensors.push(self.arrange(&value, &axes)?);
        }
        Ok((tensors, axes))
    }

    fn unary_node(&mut self, call: &Call<'_>, op: impl Into<Operation>) -> Result<(), Failure> {
        let value = self.input(call, 0)?;
        let result = self.unary(call.name(), op, &value)?;
        self.set(call, 0, result)
    }

    fn binary_node(
        &mut self,
        call: &Call<'_>,
        op: impl Into<Operation>,
        kind: Option<TensorType>,
    ) -> Result<(), Failure> {
        let (a, b) = (self.input(call, 0)?, self.input(call, 1)?);
        let result = self.binary(call.name(), op, [&a, &b], kind)?;
        self.set(call, 0, result)
    }

    /// The value in another element type.
    pub(super) fn cast(&mut self, name: &str, value: &Value, to: TensorType) -> Result<Value, Failure> {
        let from = self.kind(value);
        if from == to {
            return Ok(value.clone());
        }
        let op = Cast { in_data_type: from, out_data_type: to };
        let tensor = self.builder.emit(name, op, &[value.tensor], to)?;
        Ok(Value { tensor, axes: value.axes.clone() })
    }

    /// `1 / sqrt(x + offset)`.
    pub(super) fn inverse_root(&mut self, name: &str, x: &Value, offset: f32) -> Result<Value, Failure> {
        let offset = self.scalar(&format!("{name}/epsilon"), offset)?;
        let sum = self.binary(&format!("{name}/sum"), Add::default(), [x, &offset], None)?;
        self.unary(name, Rsqrt {}, &sum)
    }
}

fn variadic(
    importer: &mut Importer<'_>,
    call: &Call<'_>,
    op: impl Into<Operation> + Copy,
) -> Result<(), Failure> {
    let mut result = importer.input(call, 0)?;
    for i in 1..call.inputs() {
        let next = importer.input(call, i)?;
        let last = i + 1 == call.inputs();
        let name = if last { call.name().to_owned() } else { call.part(&i.to_string()) };
        result = importer.binary(&name, op, [&result, &next], None)?;
    }
    importer.set(call, 0, result)
}

fn mean(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let mut result = importer.input(call, 0)?;
    for i in 1..call.inputs() {
        let next = importer.input(call, i)?;
        result = importer.binary(&call.part(&i.to_string()), Add::default(), [&result, &next], None)?;
    }
    let share = importer.scalar(&call.part("share"), 1.0 / call.inputs() as f32)?;
    let result = importer.binary(call.name(), Mul::default(), [&result, &share], None)?;
    importer.set(call, 0, result)
}

/// Integers of 64 bits are divided as such of 32 bits: DIV has no others.
fn division(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let (a, b) = (importer.input(call, 0)?, importer.input(call, 1)?);
    let kind = importer.kind(&a);
    if kind != TensorType::Int64 {
        return importer.binary_node(call, Div::default(), None);
    }
    let a = importer.cast(&call.part("dividend"), &a, TensorType::Int32)?;
    let b = importer.cast(&call.part("divisor"), &b, TensorType::Int32)?;
    let quotient = importer.binary(&call.part("quotient"), Div::default(), [&a, &b], None)?;
    let result = importer.cast(call.name(), &quotient, kind)?;
    importer.set(call, 0, result)
}

fn remainder(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    if call.int("fmod", 0) != 0 {
        return call.refuse("remainders with the sign of the dividend (fmod 1) are not supported");
    }
    importer.binary_node(call, FloorMod {}, None)
}

/// POW; a square or a root where the exponent is a constant that says so.
fn power(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let (a, b) = (importer.input(call, 0)?, importer.input(call, 1)?);
    let exponent = match importer.floats_of(&b)? {
        Some(floats) => floats,
        None => importer.ints_of(&b)?.unwrap_or_default().iter().map(|&n| n as f32).collect(),
    };
    let is_float = importer.kind(&a) == TensorType::Float32;
    let result = match exponent.as_slice() {
        [2.0] => importer.binary(call.name(), Mul::default(), [&a, &a], None)?,
        [0.5] if is_float => importer.unary(call.name(), Sqrt {}, &a)?,
        [-0.5] if is_float => importer.unary(call.name(), Rsqrt {}, &a)?,
        [1.0] => a,
        _ => {
            let b = importer.cast(&call.part("exponent"), &b, importer.kind(&a))?;
            importer.binary(call.name(), Pow {}, [&a, &b], None)?
        }
    };
    importer.set(call, 0, result)
}

fn select(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let [condition, a, b] = [importer.input(call, 0)?, importer.input(call, 1)?, importer.input(call, 2)?];
    let kind = importer.kind(&a);
    let (tensors, axes) = importer.aligned(&[&condition, &a, &b])?;
    let tensor = importer.builder.emit(call.name(), SelectV2 {}, &tensors, kind)?;
    importer.set(call, 0, Value { tensor, axes })
}

/// The limits of Clip; infinite where they are left out.
fn limits(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<[Option<Value>; 2], Failure> {
    if call.opset >= 11 {
        return Ok([importer.optional(call, 1)?, importer.optional(call, 2)?]);
    }
    let mut given = |name: &str| match call.float_given(name) {
        Some(number) => importer.scalar(&call.part(name), number).map(Some),
        None => Ok(None),
    };
    Ok([given("min")?, given("max")?])
}

fn clip(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let mut value = importer.input(call, 0)?;
    let [min, max] = limits(importer, call)?;
    let mut known = |limit: &Option<Value>, otherwise: f32| match limit {
        Some(limit) => Ok(importer.floats_of(limit)?.and_then(|v| v.first().copied())),
        None => Ok::<_, Failure>(Some(otherwise)),
    };
    let range = (known(&min, f32::NEG_INFINITY)?, known(&max, f32::INFINITY)?);
    let op: Option<Operation> = match range {
        (Some(0.0), Some(6.0)) => Some(Relu6 {}.into()),
        (Some(0.0), Some(max)) if max >= f32::MAX => Some(Relu {}.into()),
        (Some(0.0), Some(1.0)) => Some(Relu0To1 {}.into()),
        (Some(-1.0), Some(1.0)) => Some(ReluN1To1 {}.into()),
        _ => None,
    };
    if let Some(op) = op.filter(|_| importer.kind(&value) == TensorType::Float32) {
        let result = importer.unary(call.name(), op, &value)?;
        return importer.set(call, 0, result);
    }
    if let Some(min) = min {
        value = importer.binary(&call.part("at least"), Maximum {}, [&value, &min], None)?;
    }
    if let Some(max) = max {
        value = importer.binary(call.name(), Minimum {}, [&value, &max], None)?;
    }
    importer.set(call, 0, value)
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
        "Softplus" => f.softplus(&x)?,
        "Softsign" => {
            let size = f.of(Abs {}, &x)?;
            let size = f.with(Add::default(), &size, 1.0)?;
            f.both(Div::default(), &x, &size)?
        }
        "Tan" => {
            let (sine, cosine) = (f.of(Sin {}, &x)?, f.of(Cos {}, &x)?);
            f.both(Div::default(), &sine, &cosine)?
        }
        "ThresholdedRelu" => {
            let alpha = f.importer.scalar(&call.part("alpha"), call.float("alpha", 1.0))?;
            let above =
                f.importer.binary(&call.part("above"), Greater {}, [&x, &alpha], Some(TensorType::Bool))?;
            let factor = f.importer.cast(&call.part("factor"), &above, TensorType::Float32)?;
            f.both(Mul::default(), &x, &factor)?
        }
        other => return call.refuse(format!("no formula for {other}")),
    };
    importer.set(call, 0, result)
}
