//! float32 activations with int8 weights: each image (or row) is quantized as it comes, summed in
//! integers, and scaled back. Source: LiteRT's hybrid kernels (dynamic-range quantization).

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_schema::op::{Activation, NodeExt as _};
use sedge_simd::{Kernel, Level, Simd};

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
    pub(in crate::kernels) widened: Span,
    symmetric: u32,
    pub(in crate::kernels) range: FloatRange,
}

/// Where input `image` is, of which each of `parts` equal parts is quantized by itself.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernels) struct Parts {
    pub(in crate::kernels) image: usize,
    pub(in crate::kernels) count: usize,
}

/// How a part was quantized.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernels) struct Quantized {
    pub(in crate::kernels) scale: f32,
    pub(in crate::kernels) zero: i32,
}

impl Hybrid {
    /// Keeps the scales of weights that have `filters` along `axis`.
    pub(in crate::kernels) fn prepare(
        node: &mut Prepare<'_>,
        (axis, filters): (i32, usize),
        activation: Activation,
        mode: Mode,
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
        let symmetric = u32::from(mode == Mode::Symmetric);
        Ok(Self { scales, widened: widen(node)?, symmetric, range: FloatRange::of(activation)? })
    }

    /// Whether the weights may be packed as they lie in the file.
    pub(in crate::kernels) fn packs(&self, node: &Prepare<'_>) -> bool {
        node.packs_weights() && self.widened.is_empty()
    }

    /// Asks for scratch memory for a part and `more` bytes.
    ///
    /// # Errors
    /// Where that is more than an arena can hold.
    pub(in crate::kernels) fn scratch(
        node: &mut Prepare<'_>,
        parts: Parts,
        more: usize,
    ) -> Result<(), Refusal> {
        let length = node.input(parts.image)?.elements().checked_div(parts.count).unwrap_or(0);
        node.scratch(length.next_multiple_of(ALIGN).checked_add(more).ok_or(Refusal::TooLarge)?)
    }

    /// The weights' scale of filter `f`, while the session is made.
    pub(in crate::kernels) fn scale(&self, node: &mut Prepare<'_>, f: usize) -> f32 {
        scale_of(node.list_mut(self.scales), f)
    }

    /// Runs the operator directly from its weights, whose `shape` is that of one part.
    pub(in crate::kernels) fn direct(
        &self,
        node: &mut Invoke<'_>,
        shape: Shape,
        inputs: Inputs,
        count: usize,
    ) -> Result<(), Refusal> {
        let scales = node.list::<f32>(self.scales);
        self.run(node, Parts { image: inputs.image, count }, |node, Quantized { scale, zero }, x, _, out| {
            let bias = node.optional_input::<f32>(inputs.bias)?;
            let rule = Rule {
                start: |_| 0i32,
                step: |sum: i32, x: i8, w: i8| sum.wrapping_add((i32::from(x) - zero) * i32::from(w)),
                finish: |f, sum: i32| {
                    self.range.clamp(sum as f32 * scale_of(scales, f) * scale + bias_at(bias, f))
                },
            };
            shape.run(&rule, x, weights::<i8>(node, self.widened)?, out);
            Ok(())
        })
    }

    /// Quantizes each part and calls `run` with how it was, the part, the rest of the scratch memory, and its
    /// outputs.
    pub(in crate::kernels) fn run(
        &self,
        node: &mut Invoke<'_>,
        parts: Parts,
        run: impl Fn(&Invoke<'_>, Quantized, &[i8], &mut [u8], &mut [f32]) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let out = node.output::<f32>(0)?;
        let scratch = node.scratch::<u8>()?;
        let x = node.input::<f32>(parts.image)?;
        let (Some(length), Some(outputs)) =
            (x.len().checked_div(parts.count), out.len().checked_div(parts.count))
        else {
            return Ok(());
        };
        let Some((quantized, rest)) = scratch.split_at_mut_checked(length.next_multiple_of(ALIGN)) else {
            return Err(Refusal::Internal);
        };
        let quantized: &mut [i8] = bytemuck::cast_slice_mut(quantized);
        let quantized = quantized.get_mut(..length).unwrap_or_default();
        let mode = if self.symmetric != 0 { Mode::Symmetric } else { Mode::Asymmetric };
        for (x, out) in x.chunks_exact(length.max(1)).zip(out.chunks_exact_mut(outputs.max(1))) {
            let (scale, zero) = quantize(node.level(), x, mode, quantized);
            run(node, Quantized { scale, zero }, quantized, rest, out)?;
        }
        Ok(())
    }
}

/// The start of what follows the quantized part, in bytes.
const ALIGN: usize = 16;

/// The scale of filter `f`, where one scale is that of all.
fn scale_of(scales: &[f32], f: usize) -> f32 {
    scales.get(if scales.len() == 1 { 0 } else { f }).copied().unwrap_or(0.0)
}

/// The most lanes of a level.
const MAX_LANES: usize = 16;

/// Finds the least and the greatest number, and 0.
struct Range<'k>(&'k [f32]);

impl Kernel for Range<'_> {
    type Output = (f32, f32);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> (f32, f32) {
        let (mut low, mut high) = ([simd.splat_f32(0.0); 2], [simd.splat_f32(0.0); 2]);
        for x in self.0.chunks(2 * S::LANES) {
            for (half, (low, high)) in low.iter_mut().zip(&mut high).enumerate() {
                // What is missing counts as 0.
                let x = simd.load_f32(x.get(half * S::LANES..).unwrap_or_default());
                *low = simd.min_f32(*low, x);
                *high = simd.max_f32(*high, x);
            }
        }
        let (mut least, mut most) = ([0f32; MAX_LANES], [0f32; MAX_LANES]);
        simd.store_f32(simd.min_f32(low[0], low[1]), &mut least);
        simd.store_f32(simd.max_f32(high[0], high[1]), &mut most);
        (least.into_iter().fold(0.0, f32::min), most.into_iter().fold(0.0, f32::max))
    }
}

/// Writes `clamp(round(zero + x * inverse))`.
struct Rounded<'k> {
    x: &'k [f32],
    zero: f32,
    inverse: f32,
    least: i32,
    out: &'k mut [i8],
}

impl Kernel for Rounded<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { x, zero, inverse, least, out } = self;
        let (zero, inverse, one) = (simd.splat_f32(zero), simd.splat_f32(inverse), simd.splat_f32(1.0));
        let none = simd.splat_f32(0.0);
        for (to, x) in out.chunks_mut(S::LANES).zip(x.chunks(S::LANES)) {
            // Rounded after each step, as the plain rule has it.
            let scaled = simd.mul_add_f32(simd.load_f32(x), inverse, none);
            let rounded = simd.round_f32(simd.mul_add_f32(scaled, one, zero));
            simd.store_clamped::<1, false>([rounded], 0, (least, 127), to);
        }
    }
}

/// Quantizes `x`; returns the scale and the zero point.
pub(in crate::kernels) fn quantize(level: Level, x: &[f32], mode: Mode, out: &mut [i8]) -> (f32, i32) {
    let (low, high) = level.run(Range(x));
    if low == high {
        out.fill(0);
        return (1.0, 0);
    }
    let (scale, inverse, zero, least) = match mode {
        Mode::Symmetric => {
            let range = high.max(-low);
            (range / 127.0, 127.0 / range, 0.0, -127)
        }
        Mode::Asymmetric => {
            let (low, high) = (f64::from(low), f64::from(high));
            let scale = (high - low) / 255.0;
            // Of the two ends, the one whose zero point is less off decides.
            let (from_low, from_high) = (-128.0 - low / scale, 127.0 - high / scale);
            let low_is_nearer = 128.0 + libm::fabs(low / scale) < 127.0 + libm::fabs(high / scale);
            let zero = if low_is_nearer { from_low } else { from_high };
            let scale = scale as f32;
            (scale, 1.0 / scale, libm::round(zero).clamp(-128.0, 127.0) as f32, -128)
        }
    };
    level.run(Rounded { x, zero, inverse, least, out });
    (scale, zero as i32)
}
