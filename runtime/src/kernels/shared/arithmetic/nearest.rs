//! The quantized arithmetic of ADD, SUB and MUL in float32, where that gives the rule's bits.
//!
//! The rule multiplies numbers of 32 bits and rounds up to six times; float32 takes two multiplications and rounds
//! to the nearest integer. The two differ where a result is next to a half. There are no more than 256 x 256 pairs of
//! int8 values, so a session that packs weights tries them all, for a few choices of factors a last bit apart, and
//! takes the first with which every pair has the rule's result. Where there is none, the operator goes by the rule.

use bytemuck::{Pod, Zeroable};
use sedge_simd::{Kernel, Level, Simd};

use super::super::binary::{Operand, Rows};
use super::lanes::{Lanes, OnLanes};
use super::rule::Rule;
use super::{Arithmetic, Nearest};

/// Arithmetic in float32 for given scales.
pub(crate) trait Guess: OnLanes + Pod {
    /// The `i`th choice of factors for `scale_a / scale_out` and so on; `None` after the last. `subtracts` for
    /// `a - b`.
    fn guess(scales: [f32; 2], output: f32, subtracts: bool, i: usize) -> Option<Self>;
}

/// `a * factors[0] + b * factors[1]`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Sums {
    factors: [f32; 2],
}

/// By how many units in the last place the factors of [`Sums`] are larger. Many, for sums that are halves when the
/// factors are exact: the rule rounds these away from zero, the instructions to even.
const STEPS: [[i32; 2]; 17] = [
    [0, 0],
    [1, 0],
    [0, 1],
    [-1, 0],
    [0, -1],
    [1, 1],
    [-1, -1],
    [2, 1],
    [1, 2],
    [-1, 1],
    [1, -1],
    [3, 2],
    [4, 3],
    [3, 3],
    [4, 4],
    [16, 16],
    [1024, 1024],
];

impl Guess for Sums {
    fn guess(scales: [f32; 2], output: f32, subtracts: bool, i: usize) -> Option<Self> {
        let [first, second] = STEPS.get(i)?;
        let factor = |scale: f32, step: i32| {
            let factor = (f64::from(scale) / f64::from(output)) as f32;
            f32::from_bits(factor.to_bits().wrapping_add_signed(step))
        };
        let [a, b] = [factor(scales[0], *first), factor(scales[1], *second)];
        Some(Self { factors: [a, if subtracts { -b } else { b }] })
    }
}

impl OnLanes for Sums {
    #[inline(always)]
    fn apply<S: Simd>(&self, simd: S, a: [S::I32; 2], b: [S::I32; 2]) -> [S::I32; 2] {
        let [first, second] = self.factors;
        let (first, second) = (simd.splat_f32(first), simd.splat_f32(second));
        let zero = simd.splat_f32(0.0);
        let low = simd.mul_add_f32(simd.to_f32(b[0]), second, zero);
        let high = simd.mul_add_f32(simd.to_f32(b[1]), second, zero);
        let low = simd.mul_add_f32(simd.to_f32(a[0]), first, low);
        let high = simd.mul_add_f32(simd.to_f32(a[1]), first, high);
        [simd.nearest_f32(low), simd.nearest_f32(high)]
    }
}

/// `a * b * factor + up`, and `away` from zero.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Products {
    factor: f32,
    /// The rule rounds twice, and halves away from zero: as if the product were so much larger.
    away: f32,
    /// The first time it rounds halves up.
    up: f32,
}

impl Guess for Products {
    fn guess([a, b]: [f32; 2], output: f32, _subtracts: bool, i: usize) -> Option<Self> {
        let real = f64::from(a) * f64::from(b) / f64::from(output);
        let factor = real as f32;
        // Half of the least bit that is left after the first time: the power of two below the factor.
        let half = f32::from_bits(factor.to_bits() & f32::INFINITY.to_bits());
        let half = if real < 0.5 { half } else { 0.0 };
        let (away, up) = *[(half, 0.0), (half, half / 8.0), (0.0, 0.0)].get(i)?;
        Some(Self { factor, away, up })
    }
}

impl OnLanes for Products {
    #[inline(always)]
    fn apply<S: Simd>(&self, simd: S, a: [S::I32; 2], b: [S::I32; 2]) -> [S::I32; 2] {
        [self.one(simd, a[0], b[0]), self.one(simd, a[1], b[1])]
    }
}

impl Products {
    #[inline(always)]
    fn one<S: Simd>(&self, simd: S, a: S::I32, b: S::I32) -> S::I32 {
        let product = simd.mul_add_f32(simd.to_f32(a), simd.to_f32(b), simd.splat_f32(0.0));
        // The sign of an integer.
        let sign = simd.max_f32(simd.min_f32(product, simd.splat_f32(1.0)), simd.splat_f32(-1.0));
        let scaled = simd.mul_add_f32(product, simd.splat_f32(self.factor), simd.splat_f32(self.up));
        simd.nearest_f32(simd.mul_add_f32(sign, simd.splat_f32(self.away), scaled))
    }
}

/// The first guess that gives the rule's result for every pair of int8 values.
pub(super) fn find<A: Arithmetic>(
    level: Level,
    rule: Lanes<Rule<A>>,
    scales: [f32; 2],
    output: f32,
) -> Option<Nearest<A>> {
    let mut guesses = (0..).map_while(|i| Nearest::<A>::guess(scales, output, A::IS_DIFFERENCE, i));
    guesses.find(|&arithmetic| level.run(Agree { rule, guess: Lanes { range: rule.range, arithmetic } }))
}

/// Whether two ways of an operator have the same results.
struct Agree<R, G> {
    rule: Lanes<R>,
    guess: Lanes<G>,
}

impl<R: OnLanes, G: OnLanes> Kernel for Agree<R, G> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> bool {
        const ALL: usize = 1 << i8::BITS;
        let mut all = [0; ALL];
        for (x, value) in all.iter_mut().zip(i8::MIN..=i8::MAX) {
            *x = value;
        }
        let (mut expected, mut results) = ([0; ALL], [0; ALL]);
        for value in i8::MIN..=i8::MAX {
            self.rule.apart(simd, Operand::One(value), Operand::Run(&all), &mut expected);
            self.guess.apart(simd, Operand::One(value), Operand::Run(&all), &mut results);
            if expected != results {
                return false;
            }
        }
        true
    }
}
