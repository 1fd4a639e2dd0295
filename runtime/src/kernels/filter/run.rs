//! The direct way for every arithmetic, given the operator's tensors.

use sedge_schema::Refusal;

use super::direct::Rule;
use super::geometry::Sizes;
use super::int8::Layer;
use super::requantize::{Outputs, Requantize, Sum};
use super::{Arithmetic, FloatRange, Inputs, Way, bias_at};
use crate::arena::Span;
use crate::element::Element;
use crate::node::{Invoke, Prepare};

/// Which operator.
#[derive(Clone, Copy)]
pub(in crate::kernels) enum Shape {
    /// CONV_2D.
    Full(Sizes),
    /// DEPTHWISE_CONV_2D.
    Depthwise(Sizes),
    /// TRANSPOSE_CONV.
    Transposed(Sizes),
    /// FULLY_CONNECTED with rows of this depth.
    Rows(usize),
}

impl Shape {
    #[inline(always)]
    pub(super) fn run<X: Copy, W: Copy, S, Y>(
        self,
        rule: &Rule<impl Fn(usize) -> S, impl Fn(S, X, W) -> S, impl Fn(usize, S) -> Y>,
        x: &[X],
        w: &[W],
        out: &mut [Y],
    ) {
        match self {
            Self::Full(sizes) => rule.convolve(&sizes, x, w, out),
            Self::Depthwise(sizes) => rule.depthwise(&sizes, x, w, out),
            Self::Transposed(sizes) => rule.transpose(&sizes, x, w, out),
            Self::Rows(depth) => rule.connect(depth, x, w, out),
        }
    }
}

/// Prepares the direct way for integers: whether [`Layer`] runs the operator is found out here, once.
pub(in crate::kernels) fn prepare(
    node: &mut Prepare<'_>,
    arithmetic: Arithmetic,
    mut rule: Requantize,
    shape: &Shape,
    filters: usize,
) -> Result<Way, Refusal> {
    if arithmetic == Arithmetic::Int8 {
        match shape {
            Shape::Full(sizes) => {
                rule.fit(node, filters, 0)?;
                node.scratch(super::int8::scratch(sizes)?)?;
            }
            Shape::Rows(_) => rule.fit(node, filters, 0)?,
            // Where channels have several filters each, the definition has to do.
            Shape::Depthwise(sizes) if sizes.filters == sizes.channels => rule.fit(node, filters, 3)?,
            Shape::Depthwise(_) | Shape::Transposed(_) => {}
        }
    }
    Way::direct(node, arithmetic, rule)
}

/// As [`direct`], for int8 where [`is_small`].
#[inline(always)]
pub(in crate::kernels) fn small(node: &mut Invoke<'_>, shape: Shape, data: Span) -> Result<(), Refusal> {
    let outputs = node.load::<Requantize>(data)?.outputs(node);
    int8(node, (shape, Inputs::USUAL), outputs)
}

/// Whether an int8 operator is one that [`small`] can have, by its way.
pub(in crate::kernels) fn is_small(prepared: &crate::arena::Prepared<'_>, way: &Way) -> bool {
    prepared.get::<Requantize>(way.data).first().is_some_and(Requantize::is_small)
}

/// Runs the operator directly from its weights; `data` holds a [`FloatRange`] or a [`Requantize`].
pub(in crate::kernels) fn direct(
    node: &mut Invoke<'_>,
    arithmetic: Arithmetic,
    shape: Shape,
    inputs: Inputs,
    data: Span,
) -> Result<(), Refusal> {
    if arithmetic == Arithmetic::Float {
        return float(node, (shape, inputs), *node.load(data)?);
    }
    let outputs = node.load::<Requantize>(data)?.outputs(node);
    match arithmetic {
        Arithmetic::Int8 if outputs.rule.is_small() => int8(node, (shape, inputs), outputs),
        Arithmetic::Int8 => run::<i8, i8, i32, i32>(node, (shape, inputs), outputs, |y| y as i8),
        Arithmetic::UInt8 => run::<u8, u8, i32, i32>(node, (shape, inputs), outputs, |y| y as u8),
        Arithmetic::Int16 => run::<i16, i8, i64, i64>(node, (shape, inputs), outputs, |y| y as i16),
        Arithmetic::Int16Bias32 => run::<i16, i8, i32, i32>(node, (shape, inputs), outputs, |y| y as i16),
        Arithmetic::Float | Arithmetic::Hybrid => Err(Refusal::Internal),
    }
}

fn float(node: &mut Invoke<'_>, (shape, inputs): (Shape, Inputs), range: FloatRange) -> Result<(), Refusal> {
    let out = node.output::<f32>(0)?;
    let bias = node.optional_input::<f32>(inputs.bias)?;
    let rule = Rule {
        start: |_| 0f32,
        step: |sum, x: f32, w: f32| sum + x * w,
        finish: |f, sum: f32| range.clamp(sum + bias_at(bias, f)),
    };
    shape.run(&rule, node.input(inputs.image)?, node.input(1)?, out);
    Ok(())
}

/// int8, several sums at once.
#[inline(always)]
fn int8(
    node: &mut Invoke<'_>,
    (shape, inputs): (Shape, Inputs),
    outputs: Outputs<'_>,
) -> Result<(), Refusal> {
    let out = node.output::<i8>(0)?;
    let scratch = if matches!(shape, Shape::Full(_)) { node.scratch::<u32>()? } else { Default::default() };
    let bias = node.optional_input::<i32>(inputs.bias)?;
    let layer = Layer { weights: weights(node, outputs.rule.widened)?, bias, outputs };
    layer.run(shape, node.input(inputs.image)?, scratch, out)
}

/// Activations `X`, weights `W`, bias `B`, sums `S`.
#[inline(always)]
fn run<X, W, B, S>(
    node: &mut Invoke<'_>,
    (shape, inputs): (Shape, Inputs),
    outputs: Outputs<'_>,
    narrow: impl Fn(i32) -> X,
) -> Result<(), Refusal>
where
    X: Element + Into<i32>,
    W: Element + Into<i32>,
    B: Element + Default + Into<S>,
    S: Sum,
{
    let out = node.output::<X>(0)?;
    let bias = node.optional_input::<B>(inputs.bias)?;
    let (input_zero, weights_zero) = (outputs.rule.input_zero, outputs.rule.weights_zero);
    let rule = Rule {
        start: |f| bias_at(bias, f).into(),
        step: |sum: S, x: X, w: W| sum.add_product(x.into() - input_zero, w.into() - weights_zero),
        finish: |f, sum| narrow(outputs.of(f, sum)),
    };
    shape.run(&rule, node.input(inputs.image)?, weights(node, outputs.rule.widened)?, out);
    Ok(())
}

/// The weights: those widened when the session was made, or as they lie in input 1.
pub(super) fn weights<'n, W: Element>(node: &'n Invoke<'_>, widened: Span) -> Result<&'n [W], Refusal> {
    if widened.is_empty() { node.input(1) } else { Ok(node.list(widened)) }
}
