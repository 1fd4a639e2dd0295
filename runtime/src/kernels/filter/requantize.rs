//! Sums of products to quantized outputs.

use core::ops::Range;

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Activation, Node as _};
use sedge_schema::{Refusal, Slot, TensorType};
use sedge_simd::small::Filters;

use super::super::shared::OUTPUT;
use super::WEIGHTS;
use super::constant::{self, Fit};
use crate::arena::Span;
use crate::fixed::{Multiplier, quantized_range};
use crate::node::{Invoke, Prepare};

/// How the real factor `input scale * weight scale / output scale` is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernels) enum Product {
    /// All in float64.
    Double,
    /// The product of the two scales in float32 first, as fully connected layers with one scale do.
    Single,
}

/// What turns sums into outputs: `clamp(zero + sum * factor[f])`.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(in crate::kernels) struct Requantize {
    /// The multipliers' `q`, one or one per filter.
    q: Span,
    /// Their shifts, one byte each.
    shift: Span,
    /// Weights of fewer than 8 bits, widened; empty for others.
    pub(in crate::kernels) widened: Span,
    pub(in crate::kernels) input_zero: i32,
    pub(in crate::kernels) weights_zero: i32,
    pub(in crate::kernels) output_zero: i32,
    pub(in crate::kernels) min: i32,
    pub(in crate::kernels) max: i32,
    /// A [`Fit`].
    fit: u32,
}

impl Requantize {
    /// Works out the factors for the image in input `image`; per-channel scales must count the `filters`
    /// along `axis` of the weights.
    pub(in crate::kernels) fn prepare(
        node: &mut Prepare<'_>,
        (image, axis): (usize, i32),
        filters: usize,
        activation: Activation,
        product: Product,
    ) -> Result<Self, Refusal> {
        let image = Slot::Input(image as u8);
        let (input, output) = (node.affine(image)?, node.affine(OUTPUT)?);
        let refused = Refusal::Quantization(WEIGHTS);
        let weights = node.quantization(WEIGHTS)?.ok_or(refused)?;
        let count = weights.scale().len();
        let counts = !weights.is_per_channel() || (weights.quantized_dimension() == axis && count == filters);
        // Only uint8 weights have a zero point.
        let symmetric = weights.zero_point().iter().all(|z| z == 0);
        let unsigned = node.tensor_type(WEIGHTS)? == TensorType::UInt8;
        if !counts || !(symmetric || (unsigned && count == 1)) {
            return Err(refused);
        }
        let kind = node.tensor_type(OUTPUT)?;
        // 16-bit activations are symmetric.
        if kind == TensorType::Int16 && (input.zero_point, output.zero_point) != (0, 0) {
            return Err(Refusal::Quantization(image));
        }
        let (low, high) = kind.integer_range().ok_or(Refusal::Type(OUTPUT))?;
        let range = activation.range().ok_or(Refusal::Parameter("fused_activation_function"))?;
        let (min, max) = quantized_range(range, output.scale, output.zero_point, low, high);
        let (q, shift) = (node.list::<i32>(count)?, node.list::<i8>(count)?);
        let rule = Self {
            q,
            shift,
            widened: super::widen(node)?,
            input_zero: input.zero_point,
            weights_zero: weights.zero_point_at(0),
            output_zero: output.zero_point,
            min,
            max,
            fit: Fit::None as u32,
        };
        for (f, scale) in weights.scale().iter().enumerate() {
            let product = match product {
                // uint8 has one scale for all weights, and takes the product of scales in float32 everywhere.
                _ if unsigned => f64::from(input.scale * scale),
                Product::Single if count == 1 => f64::from(input.scale * scale),
                _ => f64::from(input.scale) * f64::from(scale),
            };
            rule.set(node, f, Multiplier::from_real(product / f64::from(output.scale)));
        }
        Ok(rule)
    }

    /// Finds out whether [`Filters`] can have the layer, whose weights' dimension `axis` counts `filters`.
    pub(super) fn fit(&mut self, node: &mut Prepare<'_>, filters: usize, axis: i32) -> Result<(), Refusal> {
        self.fit = constant::find(node, self, (filters, axis))? as u32;
        Ok(())
    }

    /// Whether [`Filters`] can have the layer, but for filters with constant outputs.
    pub(in crate::kernels) fn is_small(&self) -> bool {
        self.fit != Fit::None as u32
    }

    /// Whether each filter has a multiplier, not one all of them.
    pub(super) fn is_of_each_filter(&self) -> bool {
        self.q.bytes as usize != size_of::<i32>()
    }

    /// Sets the multiplier of filter `f`.
    pub(super) fn set(&self, node: &mut Prepare<'_>, f: usize, to: Multiplier) {
        if let Some(q) = node.list_mut::<i32>(self.q).get_mut(f) {
            *q = to.q;
        }
        if let Some(shift) = node.list_mut::<i8>(self.shift).get_mut(f) {
            *shift = to.shift as i8;
        }
    }

    /// The multiplier of filter `f`, while the session is made.
    pub(in crate::kernels) fn multiplier(&self, node: &mut Prepare<'_>, f: usize) -> Multiplier {
        let at = if self.is_of_each_filter() { f } else { 0 };
        let q = node.list_mut::<i32>(self.q).get(at).copied().unwrap_or(0);
        let shift = node.list_mut::<i8>(self.shift).get(at).copied().unwrap_or(0);
        Multiplier { q, shift: shift.into() }
    }

    /// The output for a sum.
    pub(super) fn output(&self, multiplier: Multiplier, sum: i32) -> i32 {
        self.clamped(multiplier.apply(sum))
    }

    /// The output for a scaled sum.
    #[inline(always)]
    fn clamped(&self, scaled: i32) -> i32 {
        scaled.saturating_add(self.output_zero).max(self.min).min(self.max)
    }

    /// What turns sums into outputs, with its lists.
    pub(in crate::kernels) fn outputs<'s>(&self, node: &Invoke<'s>) -> Outputs<'s> {
        Outputs { q: node.list(self.q), shift: node.list(self.shift), rule: *self }
    }
}

/// Turns sums into outputs.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Outputs<'s> {
    q: &'s [i32],
    shift: &'s [i8],
    pub(in crate::kernels) rule: Requantize,
}

impl<'s> Outputs<'s> {
    /// The multipliers of these filters, and what comes after.
    pub(super) fn filters(&self, range: Range<usize>) -> Filters<'s> {
        let Requantize { input_zero, output_zero, min, max, .. } = self.rule;
        // A list of one is for all.
        fn of<T>(list: &[T], range: Range<usize>) -> &[T] {
            if list.len() == 1 { list } else { list.get(range).unwrap_or_default() }
        }
        Filters {
            weights: &[],
            bias: &[],
            q: of(self.q, range.clone()),
            shift: of(self.shift, range),
            offset: -input_zero,
            zero: output_zero as i8,
            range: [min as i8, max as i8],
        }
    }

    /// Puts the outputs of filters that [`Filters`] cannot have among those of all.
    pub(super) fn put_constant(&self, outputs: &mut [i8]) {
        if self.rule.fit == Fit::AllButConstant as u32 {
            constant::put(self.q, self.shift, outputs);
        }
    }

    fn multiplier(&self, f: usize) -> Multiplier {
        let at = if self.q.len() == 1 { 0 } else { f };
        let q = self.q.get(at).copied().unwrap_or(0);
        Multiplier { q, shift: self.shift.get(at).copied().unwrap_or(0).into() }
    }

    /// The output of filter `f` for its sum.
    #[inline]
    pub(in crate::kernels) fn of<S: Sum>(&self, f: usize, sum: S) -> i32 {
        self.rule.clamped(sum.scale(self.multiplier(f)))
    }
}

/// A sum of products, of 32 or 64 bits.
pub(in crate::kernels) trait Sum: Copy + Default {
    /// `self + a * b`, wrapping.
    fn add_product(self, a: i32, b: i32) -> Self;

    /// The sum times a multiplier, rounded as its width has it.
    fn scale(self, multiplier: Multiplier) -> i32;
}

impl Sum for i32 {
    #[inline]
    fn add_product(self, a: i32, b: i32) -> Self {
        self.wrapping_add(a.wrapping_mul(b))
    }

    #[inline]
    fn scale(self, multiplier: Multiplier) -> i32 {
        multiplier.apply(self)
    }
}

impl Sum for i64 {
    #[inline]
    fn add_product(self, a: i32, b: i32) -> Self {
        self.wrapping_add(i64::from(a) * i64::from(b))
    }

    #[inline]
    fn scale(self, multiplier: Multiplier) -> i32 {
        multiplier.apply_i64(self)
    }
}
