//! Functions that the format has no operator for, put together of those it has: what importers share.

use sedge_schema::TensorType;
use sedge_schema::op::{Abs, Add, Cast, Cos, Div, Exp, Log, Minimum, Mul, Relu, Sign, Sin, Sqrt, Sub};

use super::builder::Builder;
use crate::Failure;
use crate::graph::{Operation, TensorId};

/// SELU's alpha and scale.
pub(super) const SELU: (f32, f32) = (1.673_263_2, 1.050_701);

/// A function that is put together of operators, each named `node/number`.
pub(super) struct Formula<'b> {
    builder: &'b mut Builder,
    node: String,
    steps: usize,
}

impl<'b> Formula<'b> {
    /// Operators that are added for a node of this name.
    pub(super) fn new(builder: &'b mut Builder, node: &str) -> Self {
        Self { builder, node: node.to_owned(), steps: 0 }
    }

    fn name(&mut self) -> String {
        self.steps += 1;
        format!("{}/{}", self.node, self.steps)
    }

    /// An operator of one operand.
    pub(super) fn of(&mut self, op: impl Into<Operation>, x: TensorId) -> Result<TensorId, Failure> {
        let (name, kind) = (self.name(), self.builder.kind(x));
        self.builder.emit(&name, op, &[x], kind)
    }

    /// An operator of two operands.
    pub(super) fn both(
        &mut self,
        op: impl Into<Operation>,
        a: TensorId,
        b: TensorId,
    ) -> Result<TensorId, Failure> {
        let (name, kind) = (self.name(), self.builder.kind(a));
        self.builder.emit(&name, op, &[a, b], kind)
    }

    /// An operator of `x` and a number.
    pub(super) fn with(
        &mut self,
        op: impl Into<Operation>,
        x: TensorId,
        number: f32,
    ) -> Result<TensorId, Failure> {
        let name = self.name();
        let number = self.builder.scalar(&name, number)?;
        self.both(op, x, number)
    }

    /// `number / x`.
    pub(super) fn divided(&mut self, number: f32, x: TensorId) -> Result<TensorId, Failure> {
        let name = self.name();
        let number = self.builder.scalar(&name, number)?;
        self.both(Div::default(), number, x)
    }

    /// 1 where a comparison of `x` with a number holds, else 0.
    pub(super) fn above(
        &mut self,
        op: impl Into<Operation>,
        x: TensorId,
        number: f32,
    ) -> Result<TensorId, Failure> {
        let (limit, holds, factor) = (self.name(), self.name(), self.name());
        let limit = self.builder.scalar(&limit, number)?;
        let holds = self.builder.emit(&holds, op, &[x, limit], TensorType::Bool)?;
        let op = Cast { in_data_type: TensorType::Bool, out_data_type: TensorType::Float32 };
        self.builder.emit(&factor, op, &[holds], TensorType::Float32)
    }

    /// `exp(x)` and `exp(-x)`.
    pub(super) fn exponentials(&mut self, x: TensorId) -> Result<[TensorId; 2], Failure> {
        let below = self.with(Mul::default(), x, -1.0)?;
        Ok([self.of(Exp {}, x)?, self.of(Exp {}, below)?])
    }

    /// `sqrt(factor * x^2 + offset)`.
    pub(super) fn root(&mut self, x: TensorId, factor: f32, offset: f32) -> Result<TensorId, Failure> {
        let square = self.both(Mul::default(), x, x)?;
        let square = if factor == 1.0 { square } else { self.with(Mul::default(), square, factor)? };
        let sum = self.with(Add::default(), square, offset)?;
        self.of(Sqrt {}, sum)
    }

    /// `factor * max(x, 0) + scale * (exp(min(x, 0) / width) - 1)`.
    pub(super) fn exponential(
        &mut self,
        x: TensorId,
        factor: f32,
        scale: f32,
        width: f32,
    ) -> Result<TensorId, Failure> {
        let above = self.of(Relu {}, x)?;
        let above = if factor == 1.0 { above } else { self.with(Mul::default(), above, factor)? };
        let below = self.with(Minimum {}, x, 0.0)?;
        let below = if width == 1.0 { below } else { self.with(Mul::default(), below, 1.0 / width)? };
        let below = self.of(Exp {}, below)?;
        let below = self.with(Sub::default(), below, 1.0)?;
        let below = self.with(Mul::default(), below, scale)?;
        self.both(Add::default(), above, below)
    }

    /// `log(1 + exp(x))`, as `max(x, 0) + log(1 + exp(-|x|))`, which does not overflow.
    pub(super) fn softplus(&mut self, x: TensorId) -> Result<TensorId, Failure> {
        let size = self.of(Abs {}, x)?;
        let below = self.with(Mul::default(), size, -1.0)?;
        let below = self.of(Exp {}, below)?;
        let below = self.with(Add::default(), below, 1.0)?;
        let below = self.of(Log {}, below)?;
        let above = self.of(Relu {}, x)?;
        self.both(Add::default(), above, below)
    }

    /// The error function by formula 7.1.26 of Abramowitz and Stegun, Handbook of Mathematical Functions;
    /// it is off by 1.5e-7 at most.
    pub(super) fn erf(&mut self, x: TensorId) -> Result<TensorId, Failure> {
        let size = self.of(Abs {}, x)?;
        let t = self.with(Mul::default(), size, 0.327_591_1)?;
        let t = self.with(Add::default(), t, 1.0)?;
        let t = self.divided(1.0, t)?;
        let mut sum = self.with(Mul::default(), t, 1.061_405_4)?;
        for coefficient in [-1.453_152_1, 1.421_413_8, -0.284_496_72, 0.254_829_6] {
            sum = self.with(Add::default(), sum, coefficient)?;
            sum = self.both(Mul::default(), sum, t)?;
        }
        let square = self.both(Mul::default(), x, x)?;
        let square = self.with(Mul::default(), square, -1.0)?;
        let bell = self.of(Exp {}, square)?;
        let rest = self.both(Mul::default(), sum, bell)?;
        let size = self.with(Mul::default(), rest, -1.0)?;
        let size = self.with(Add::default(), size, 1.0)?;
        let sign = self.of(Sign {}, x)?;
        let error = self.both(Mul::default(), size, sign)?;
        self.builder.errors.push((error, x));
        Ok(error)
    }

    /// `scale * x` above 0, `scale * alpha * (exp(x) - 1)` below, with the constants of Klambauer et al.,
    /// Self-Normalizing Neural Networks, 2017.
    pub(super) fn selu(&mut self, x: TensorId) -> Result<TensorId, Failure> {
        let (alpha, scale) = SELU;
        self.exponential(x, scale, alpha * scale, 1.0)
    }

    /// `x / (1 + |x|)`.
    pub(super) fn softsign(&mut self, x: TensorId) -> Result<TensorId, Failure> {
        let size = self.of(Abs {}, x)?;
        let size = self.with(Add::default(), size, 1.0)?;
        self.both(Div::default(), x, size)
    }

    /// `sin(x) / cos(x)`.
    pub(super) fn tangent(&mut self, x: TensorId) -> Result<TensorId, Failure> {
        let (sine, cosine) = (self.of(Sin {}, x)?, self.of(Cos {}, x)?);
        self.both(Div::default(), sine, cosine)
    }
}
