//! float32 activations with int8 weights: each image (or row) is quantized as it comes, summed in
//! integers, and scaled back. Source: LiteRT's hybrid kernels (dynamic-range quantization).

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_schema::op::{Activation, NodeExt as _};

use super::run::{Shape, weights};
use super::{FloatRange, Inputs, Rule, WEIGHTS, bias_at, widen};
use crate::arena::Span;
use crate::node::{Invoke, Prepare};

/// How activations are quantized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernels) enum Mode {
    /// The zero point where the values want it, in [-128, 127].
    Asymmetric,
    /// The zero point 0, in [-127, 127].
    Symmetric,
}

impl Mode {
    /// The mode of convolutions: asymmetric with a scale for each filter, symmetric with one for
    /// all (how files of before per-channel scales are read).
    pub(in crate::kernels) fn of_convolution(node: &Prepare<'_>) -> Result<Self, Refusal> {
        let per_channel = node.quantization(WEIGHTS)?.is_some_and(|q| q.is_per_channel());
        Ok(if per_channel { Self::Asymmetric } else { Self::Symmetric })
    }
}

/// The weights' scales, and what is done to the sums.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Hybrid {
    /// One scale, or one per filter.
    scales: Span,
    /// Weights of fewer than 8 bits, widened; empty for others.
    widened: Span,
    symmetric: u32,
    range: FloatRange,
}

impl Hybrid {
    /// Keeps the scales, and asks for scratch memory for a part of `1 / parts` of input `image`.
    pub(in crate::kernels) fn prepare(
        node: &mut Prepare<'_>,
        (axis, filters): (i32, usize),
        activation: Activation,
        mode: Mode,
        (image, parts): (usize, usize),
    ) -> Result<Self, Refusal> {
        let refused = Refusal::Quantization(WEIGHTS);
        let weights = node.quantization(WEIGHTS)?.ok_or(refused)?;
        let count = weights.scale().len();
        let counts = count == 1 || (weights.quantized_dimension() == axis && count == filters);
        if !counts || weights.zero_point().iter().any(|z| z != 0) {
            return Err(refused);
        }
        let scales = node.list::<f32>(count)?;
        node.list_mut::<f32>(scales).iter_mut().zip(weights.scale().iter()).for_each(|(to, s)| *to = s);
        node.scratch(node.input(image)?.elements().checked_div(parts).unwrap_or(0))?;
        let symmetric = u32::from(mode == Mode::Symmetric);
        Ok(Self { scales, widened: widen(node)?, symmetric, range: FloatRange::of(activation)? })
    }

    /// Runs `shape`, which is one of `parts` equal parts of input and output, for each of them.
    pub(in crate::kernels) fn run(
        &self,
        node: &mut Invoke<'_>,
        shape: Shape,
        inputs: Inputs,
        parts: usize,
    ) -> Result<(), Refusal> {
        let out = node.output::<f32>(0)?;
        let quantized = node.scratch::<i8>()?;
        let scales = node.list::<f32>(self.scales);
        let (x, w) = (node.input::<f32>(inputs.image)?, weights::<i8>(node, self.widened)?);
        let bias = node.optional_input::<f32>(inputs.bias)?;
        let (Some(length), Some(outputs)) = (x.len().checked_div(parts), out.len().checked_div(parts)) else {
            return Ok(());
        };
        let mode = if self.symmetric != 0 { Mode::Symmetric } else { Mode::Asymmetric };
        for (x, out) in x.chunks_exact(length.max(1)).zip(out.chunks_exact_mut(outputs.max(1))) {
            let (scale, zero) = quantize(x, mode, quantized);
            let scale_of =
                |f: usize| scales.get(if scales.len() == 1 { 0 } else { f }).copied().unwrap_or(0.0);
            let rule = Rule {
                start: |_| 0i32,
                step: |sum: i32, x: i8, w: i8| sum.wrapping_add((i32::from(x) - zero) * i32::from(w)),
                finish: |f, sum: i32| self.range.clamp(sum as f32 * scale_of(f) * scale + bias_at(bias, f)),
            };
            shape.run(&rule, quantized, w, out);
        }
        Ok(())
    }
}

/// Quantizes `x`; returns the scale and the zero point.
pub(in crate::kernels) fn quantize(x: &[f32], mode: Mode, out: &mut [i8]) -> (f32, i32) {
    let low = x.iter().copied().fold(0f32, f32::min);
    let high = x.iter().copied().fold(0f32, f32::max);
    if low == high {
        out.fill(0);
        return (1.0, 0);
    }
    let (scale, inverse, zero, least) = match mode {
        Mode::Symmetric => {
            let range = high.max(-low);
            (range / 127.0, 127.0 / range, 0.0, -127.0)
        }
        Mode::Asymmetric => {
            let (low, high) = (f64::from(low), f64::from(high));
            let scale = (high - low) / 255.0;
            // Of the two ends, the one whose zero point is less off decides.
            let (from_low, from_high) = (-128.0 - low / scale, 127.0 - high / scale);
            let low_is_nearer = 128.0 + libm::fabs(low / scale) < 127.0 + libm::fabs(high / scale);
            let zero = if low_is_nearer { from_low } else { from_high };
            let scale = scale as f32;
            (scale, 1.0 / scale, libm::round(zero).clamp(-128.0, 127.0) as f32, -128.0)
        }
    };
    for (to, &x) in out.iter_mut().zip(x) {
        *to = libm::roundf(zero + x * inverse).clamp(least, 127.0) as i8;
    }
    (scale, zero as i32)
}
