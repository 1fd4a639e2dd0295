//! Products of matrices.

use sedge_schema::TensorType;
use sedge_schema::op::{Add, BatchMatmul, FullyConnected, Mul};

use super::call::Call;
use super::value::{Value, plain};
use super::{Handler, Importer};
use crate::Failure;

pub(super) fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "MatMul" => product,
        "Gemm" => gemm,
        "Einsum" => einsum,
        _ => return None,
    })
}

impl Importer<'_> {
    /// `x * transposed(weights) + bias` over the last dimension of `x`; `weights` is stored `[units, depth]`.
    pub(super) fn connected(
        &mut self,
        name: &str,
        x: &Value,
        weights: &Value,
        bias: Option<&Value>,
    ) -> Result<Value, Failure> {
        let rank = x.axes.len();
        // The others may be stored in any order.
        let axes = match x.axes.last() {
            Some(&last) if last + 1 == rank => x.axes.clone(),
            _ => plain(rank),
        };
        let tensor = self.arrange(x, &axes)?;
        let weights = self.plain(weights)?;
        let bias = match bias {
            Some(bias) => Some(self.plain(bias)?),
            None => None,
        };
        let op = FullyConnected { keep_num_dims: rank != 2, ..FullyConnected::default() };
        let inputs = [Some(tensor), Some(weights), bias];
        let inputs = if bias.is_some() { inputs.as_slice() } else { &inputs[..2] };
        let found = self.builder.emit_all(name, op, inputs, &[(name, TensorType::Float32)])?;
        match found.first() {
            Some(&tensor) => Ok(Value { tensor, axes }),
            None => Err(Failure::new("no result")),
        }
    }

    /// Whether a value is known, be it as integers behind a DEQUANTIZE.
    fn is_constant(&self, value: &Value) -> bool {
        self.builder.graph.tensor(value.tensor).is_constant() || self.integers.contains_key(&value.tensor)
    }

    /// A matrix with its two dimensions exchanged.
    fn exchanged(value: &Value) -> Value {
        Value { tensor: value.tensor, axes: value.axes.iter().rev().copied().collect() }
    }
}

fn product(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let (a, b) = (importer.input(call, 0)?, importer.input(call, 1)?);
    let (rank_a, rank_b) = (a.axes.len(), b.axes.len());
    if importer.is_constant(&b) && rank_b == 2 && rank_a >= 2 && importer.kind(&a) == TensorType::Float32 {
        let result = importer.connected(call.name(), &a, &Importer::exchanged(&b), None)?;
        return importer.set(call, 0, result);
    }
    // A vector is a matrix of one row or one column; that dimension goes again.
    let (dims_a, dims_b) = (importer.dims(&a), importer.dims(&b));
    let mut wide_a = if rank_a == 1 { [&[1], dims_a.as_slice()].concat() } else { dims_a };
    let mut wide_b = if rank_b == 1 { [dims_b.as_slice(), &[1]].concat() } else { dims_b };
    let rank = wide_a.len().max(wide_b.len());
    for dims in [&mut wide_a, &mut wide_b] {
        let ones = rank - dims.len();
        dims.splice(0..0, std::iter::repeat_n(1, ones));
    }
    let a = importer.reshape(&call.part("left"), &a, &wide_a)?;
    let b = importer.reshape(&call.part("right"), &b, &wide_b)?;
    let tensors = [importer.plain(&a)?, importer.plain(&b)?];
    let kind = importer.kind(&a);
    let tensor = importer.builder.emit(call.name(), BatchMatmul::default(), &tensors, kind)?;
    let mut result = importer.new_value(tensor);
    let mut dims = importer.dims(&result);
    if rank_b == 1 {
        dims.pop();
    }
    if rank_a == 1 {
        dims.remove(dims.len().saturating_sub(if rank_b == 1 { 1 } else { 2 }));
    }
    result = importer.reshape(&call.part("vector"), &result, &dims)?;
    importer.set(call, 0, result)
}

/// `alpha * a * b + beta * c`, `a` and `b` transposed where the attributes say so.
fn gemm(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let (a, b, c) = (importer.input(call, 0)?, importer.input(call, 1)?, importer.optional(call, 2)?);
    if a.axes.len() != 2 || b.axes.len() != 2 {
        return call.refuse("both factors must be matrices");
    }
    let a = if call.int("transA", 0) != 0 { Importer::exchanged(&a) } else { a };
    let mut weights = if call.int("transB", 0) != 0 { b } else { Importer::exchanged(&b) };
    let (alpha, beta) = (call.float("alpha", 1.0), call.float("beta", 1.0));
    if alpha != 1.0 {
        let factor = importer.scalar(&call.part("alpha"), alpha)?;
        weights = importer.binary(&call.part("weights"), Mul::default(), [&weights, &factor], None)?;
    }
    let c = match c {
        Some(c) if beta != 1.0 => {
            let factor = importer.scalar(&call.part("beta"), beta)?;
            Some(importer.binary(&call.part("bias"), Mul::default(), [&c, &factor], None)?)
        }
        c => c,
    };
    let units = importer.dims(&weights).first().copied().unwrap_or(0);
    // What is the same for all rows is a bias, anything else a sum.
    let bias = match &c {
        Some(c) if importer.is_constant(c) => {
            let dims = importer.dims(c);
            match dims.iter().product::<usize>() {
                n if n == units && dims.last() == Some(&units) => {
                    Some(importer.reshape(&call.part("bias row"), c, &[units])?)
                }
                1 => {
                    let number = importer.floats_of(c)?.and_then(|v| v.first().copied()).unwrap_or(0.0);
                    let tensor =
                        importer.builder.floats(&call.part("bias row"), &[units], &vec![number; units])?;
                    Some(importer.new_value(tensor))
                }
                _ => None,
            }
        }
        _ => None,
    };
    let rest = c.filter(|_| bias.is_none());
    let name = if rest.is_some() { call.part("product") } else { call.name().to_owned() };
    let result = if importer.is_constant(&weights) {
        importer.connected(&name, &a, &weights, bias.as_ref())?
    } else {
        let tensors = [importer.plain(&a)?, importer.plain(&weights)?];
        let op = BatchMatmul { adj_y: true, ..BatchMatmul::default() };
        let tensor = importer.builder.emit(&name, op, &tensors, TensorType::Float32)?;
        let product = importer.new_value(tensor);
        match &bias {
            Some(bias) => importer.binary(&call.part("sum"), Add::default(), [&product, bias], None)?,
            None => product,
        }
    };
    let result = match rest {
        Some(rest) => importer.binary(call.name(), Add::default(), [&result, &rest], None)?,
        None => result,
    };
    importer.set(call, 0, result)
}

fn einsum(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let mut tensors = Vec::new();
    for i in 0..call.inputs() {
        let value = importer.input(call, i)?;
        if importer.kind(&value) != TensorType::Float32 {
            return call.refuse("only float32 is supported");
        }
        tensors.push(importer.plain(&value)?);
    }
    let tensor = importer.builder.einsum(call.name(), call.text("equation", ""), &tensors)?;
    let result = importer.new_value(tensor);
    importer.set(call, 0, result)
}
