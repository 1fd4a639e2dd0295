//! Operators that work element by element, with broadcasting.

use sedge_schema::TensorType;
use sedge_schema::op::{
    Abs, Add, Cast, Ceil, Cos, Div, Equal, Exp, Floor, FloorMod, Gelu, Greater, GreaterEqual, HardSwish,
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
        let given = self.kind(a);
        if let Some(wide) = self.wider(a).filter(|_| kind.is_none()) {
            let (a, b) =
                (self.cast(&format!("{name}/left"), a, wide)?, self.cast(&format!("{name}/right"), b, wide)?);
            let result = self.binary(&format!("{name}/wide"), op, [&a, &b], None)?;
            return self.cast(name, &result, given);
        }
        let (tensors, axes) = self.aligned(&[a, b])?;
        let tensor = self.builder.emit(name, op, &tensors, kind.unwrap_or(given))?;
        Ok(Value { tensor, axes })
    }

    /// The type to calculate in where the format has no arithmetic on a value's unsigned integers.
    fn wider(&self, value: &Value) -> Option<TensorType> {
        let tensor = self.builder.graph.tensor(value.tensor);
        match tensor.tensor_type {
            _ if tensor.quantization.is_some() => None,
            TensorType::UInt8 | TensorType::UInt16 => Some(TensorType::Int32),
            TensorType::UInt32 => Some(TensorType::Int64),
            _ => None,
        }
    }

    /// A real number as a value.
    pub(super) fn scalar(&mut self, name: &str, number: f32) -> Result<Value, Failure> {
        Ok(Value { tensor: self.builder.scalar(name, number)?, axes: Vec::new() })
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
        // POW has no integers of 64 bits.
        _ if importer.kind(&a) == TensorType::Int64 => {
            let a = importer.cast(&call.part("base"), &a, TensorType::Int32)?;
            let b = importer.cast(&call.part("exponent"), &b, TensorType::Int32)?;
            let power = importer.binary(&call.part("power"), Pow {}, [&a, &b], None)?;
            importer.cast(call.name(), &power, TensorType::Int64)?
        }
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
