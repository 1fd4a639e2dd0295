//! Filters whose output is one number, whatever the inputs are. Training lets channels die: their weights' scale becomes so
//! small, and so their multiplier, that only the bias is left.
//!
//! Of such a filter the list of multipliers holds the output, that of shifts [`MARK`].

use sedge_schema::op::Node as _;
use sedge_schema::{Refusal, TensorType};
use sedge_simd::small::Filters;

use super::requantize::Requantize;
use super::{BIAS, WEIGHTS};
use crate::fixed::Multiplier;
use crate::node::Prepare;

/// What stands in place of a shift.
const MARK: i8 = i8::MAX;

/// Whether [`Filters`] can have a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Fit {
    /// No.
    None,
    /// All of its filters.
    All,
    /// All but some whose outputs are constant.
    AllButConstant,
}

/// Puts the outputs of constant filters among those of all.
#[inline(never)]
pub(super) fn put(q: &[i32], shift: &[i8], outputs: &mut [i8]) {
    for ((&q, &shift), out) in q.iter().zip(shift).zip(outputs) {
        if shift == MARK {
            *out = q as i8;
        }
    }
}

/// Whether [`Filters`] can have an int8 layer. Filters whose sums or shifts are too large are marked, if each of them has one
/// output. `axis` is the dimension of the weights that counts filters.
pub(super) fn find(
    node: &mut Prepare<'_>,
    rule: &Requantize,
    (filters, axis): (usize, i32),
) -> Result<Fit, Refusal> {
    // A file may say of int8 numbers that their zero is none of them.
    if [rule.input_zero, rule.output_zero].iter().any(|&zero| i8::try_from(zero).is_err()) {
        return Ok(Fit::None);
    }
    let elements = node.shape(WEIGHTS)?.elements().checked_div(filters).unwrap_or(0);
    let biases = node.constant(2).map(|bytes| bytes.as_chunks().0).unwrap_or_default();
    if node.has(BIAS) && biases.len() < filters {
        return Ok(Fit::None);
    }
    let is_int8 = node.tensor_type(WEIGHTS)? == TensorType::Int8;
    let weights = node.constant(1).filter(|_| is_int8).unwrap_or_default();
    // The largest products: of inputs less their zero points, and weights.
    let most = elements.saturating_mul(255 * 128);
    let bias = |f: usize| biases.get(f).map_or(0, |&bytes| i32::from_le_bytes(bytes));
    let is_small = |f: usize, multiplier: Multiplier| {
        let sums = most.saturating_add(bias(f).unsigned_abs() as usize);
        sums < Filters::MOST_SUM as usize && (Filters::LEAST_SHIFT.into()..=0).contains(&multiplier.shift)
    };
    let output = |f: usize, multiplier: Multiplier| {
        only_output(rule, multiplier, bias(f), most).or_else(|| {
            // Once more, with the weights that there are.
            let sum = |of: &mut dyn Iterator<Item = &u8>| {
                of.map(|&w| 255 * usize::from((w as i8).unsigned_abs())).sum()
            };
            let most = match axis {
                0 => sum(&mut weights.get(f * elements..(f + 1) * elements)?.iter()),
                _ => sum(&mut weights.get(f..)?.iter().step_by(filters)),
            };
            only_output(rule, multiplier, bias(f), most)
        })
    };
    let mut fit = Fit::All;
    // Marks take multipliers away, so none is set before all filters are known to do without theirs.
    for marks in [false, true] {
        if marks && fit == Fit::All {
            break;
        }
        for f in 0..filters {
            let multiplier = rule.multiplier(node, f);
            if is_small(f, multiplier) {
                continue;
            }
            let Some(output) = output(f, multiplier).filter(|_| rule.is_of_each_filter()) else {
                return Ok(Fit::None);
            };
            fit = Fit::AllButConstant;
            if marks {
                rule.set(node, f, Multiplier { q: output, shift: MARK.into() });
            }
        }
    }
    Ok(fit)
}

/// The output for all sums no further than `products` from the bias, if it is one.
fn only_output(rule: &Requantize, multiplier: Multiplier, bias: i32, products: usize) -> Option<i32> {
    let products = i32::try_from(products).ok()?;
    let ends = [bias.checked_sub(products)?, bias.checked_add(products)?];
    // Larger sums give outputs that are not smaller, unless a shift to the left drops bits.
    let [low, high] = ends.map(|sum| rule.output(multiplier, sum));
    (low == high && multiplier.shift <= 0).then_some(low)
}
