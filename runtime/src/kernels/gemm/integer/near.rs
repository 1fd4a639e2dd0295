//! Requantization in float32, where that gives the rule's bits.
//!
//! The rule multiplies 32 bits by 32 and rounds twice. Whatever the sum, its first rounding makes as if the second had its
//! halves a little farther from zero, so that `nearest(sum * factor + away)`, `away` with the sign of the sum, rounds
//! alike, but where float32's 24 bits do not tell a sum next to a half from the half.
//!
//! Both are steps: a larger sum has no smaller result. Results of 8 bits have 255 steps at most, so the two agree for all
//! sums if float32 has its steps where the rule has them. When the session is made, this is tried out for a few factors
//! that differ in their last bits. Where a single sum is left that float32 has wrong, it is put right as an exception.

use sedge_simd::{Kernel, Level, Simd};

use crate::fixed::Multiplier;

/// What a column has: the result for a sum is `nearest(sum * factor + away)`, but `result` for the sum `odd`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Near {
    factor: f32,
    away: f32,
    odd: i32,
    result: i32,
}

/// Farther away than any sum is.
const NO_SUM: i32 = i32::MIN;

/// Steps of results of 8 bits.
const MOST_STEPS: usize = 1 << 8;

/// Multipliers that shift farther have steps that only huge sums reach.
const MOST_RIGHT: i32 = 22;

/// By how many units in the last place factors are changed, and by how many parts of 512 `away` is; the likeliest
/// first. One that leaves an exception is good enough after the first [`FEW`].
const TRIES: [(i32, i32); 35] = tries();
const FEW: usize = 13;

const fn tries() -> [(i32, i32); 35] {
    let (mut out, mut count, mut distance) = ([(0, 0); 35], 0, 0);
    while distance <= 5 {
        let mut last = -2i32;
        while last <= 2 {
            let mut part = -3i32;
            while part <= 3 {
                if last.abs() + part.abs() == distance {
                    out[count] = (last, part);
                    count += 1;
                }
                part += 1;
            }
            last += 1;
        }
        distance += 1;
    }
    out
}

impl Near {
    /// The numbers for sums of at most `most`, whose results are clamped to these limits; `None` where the rule must do.
    pub(super) fn find(level: Level, multiplier: Multiplier, most: i64, limits: (i32, i32)) -> Option<Self> {
        let steps = Steps::of(multiplier, most, limits)?;
        let Multiplier { q, shift } = multiplier;
        let power = |exponent: i32| f32::from_bits(((127 + exponent) as u32) << 23);
        let (real, away) = (q as f32 * power(shift - 31), power(shift - 1));
        let mut best = None;
        for (number, (last, part)) in TRIES.into_iter().enumerate() {
            if number >= FEW && best.is_some() {
                break;
            }
            let factor = f32::from_bits(real.to_bits().wrapping_add_signed(last));
            let near = Self { factor, away: away * (1.0 + part as f32 / 512.0), odd: NO_SUM, result: 0 };
            match level.run(Try { near, steps: &steps }) {
                Misses::None => return Some(near),
                Misses::One(odd) => {
                    best = best.or(Some(Self { odd, result: multiplier.apply(odd), ..near }));
                }
                Misses::More => {}
            }
        }
        best
    }

    /// Whether there is an exception.
    pub(super) fn has_odd(&self) -> bool {
        self.odd != NO_SUM
    }

    /// Bits of the floats, and integers.
    pub(super) fn numbers(&self) -> [i32; 4] {
        [self.factor.to_bits() as i32, self.away.to_bits() as i32, self.odd, self.result]
    }
}

/// The least sums that the rule has certain results for.
struct Steps {
    /// That of the result `first`, of the next, and so on.
    sums: [i32; MOST_STEPS],
    count: usize,
    first: i32,
    /// The least and the largest sum, their results, and the limits of these.
    ends: [(i32, i32); 2],
    limits: (i32, i32),
}

impl Steps {
    /// The steps between these limits that sums of at most `most` reach.
    fn of(multiplier: Multiplier, most: i64, limits: (i32, i32)) -> Option<Self> {
        let (Multiplier { q, shift }, (low, high)) = (multiplier, limits);
        let right = -shift;
        let fits =
            q > 0 && (1..=MOST_RIGHT).contains(&right) && (0..MOST_STEPS as i32).contains(&(high - low));
        if !fits {
            return None;
        }
        let most = i32::try_from(most).ok()?;
        let ends = [-most, most].map(|sum| (sum, multiplier.apply(sum).max(low).min(high)));
        let mut steps = Self { sums: [0; MOST_STEPS], count: 0, first: 0, ends, limits };
        let (q, part) = (i64::from(q), 1.0 / f64::from(q));
        for result in low + 1..=high {
            // The result is at least this where the product, rounded for the first time, is; halves go away from zero.
            let product = (i64::from(result) << right) - (1 << (right - 1)) + i64::from(result <= 0);
            // That is where `sum * q + 2^30 >= product * 2^31`.
            let least = (product << 31) - (1 << 30);
            // At most one off, as sums that matter have 31 bits.
            let mut sum = (least as f64 * part) as i64;
            if sum.abs() > i64::from(most) {
                continue;
            }
            while sum * q < least {
                sum += 1;
            }
            while (sum - 1) * q >= least {
                sum -= 1;
            }
            if steps.count == 0 {
                steps.first = result;
            }
            *steps.sums.get_mut(steps.count)? = sum as i32;
            steps.count += 1;
        }
        Some(steps)
    }
}

/// Which sums float32 has wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Misses {
    None,
    One(i32),
    More,
}

/// Tries numbers out.
struct Try<'t> {
    near: Near,
    steps: &'t Steps,
}

impl Kernel for Try<'_> {
    type Output = Misses;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Misses {
        let Self { near: Near { factor, away, .. }, steps } = self;
        let &Steps { ref sums, count, first, ends, limits: (low, high) } = steps;
        let (factor, away) = (simd.splat_f32(factor), simd.splat_f32(away));
        let one = simd.splat_i32(1);
        let mut misses = Misses::None;
        let (mut here, mut below) = ([0; MOST_STEPS], [0; MOST_STEPS]);
        let blocks = here.chunks_mut(S::LANES).zip(below.chunks_mut(S::LANES));
        for ((here, below), sums) in blocks.zip(sums.chunks(S::LANES)) {
            let sums = simd.load_i32(sums);
            simd.store_i32(simd.requantize_near(sums, factor, away), here);
            simd.store_i32(simd.requantize_near(simd.sub_i32(sums, one), factor, away), below);
        }
        // Beyond the first and the last step that sums reach there is no other.
        for (sum, result) in ends {
            let mut end = [0];
            simd.store_i32(simd.requantize_near(simd.splat_i32(sum), factor, away), &mut end);
            if end[0].max(low).min(high) != result {
                return Misses::More;
            }
        }
        for (((result, &sum), here), below) in (first..).zip(sums).zip(here).zip(below).take(count) {
            let wrong = match (here >= result, below < result) {
                (true, true) => continue,
                // The step comes late: not for more than this sum.
                (false, true) => (sum, sum.wrapping_add(1)),
                // It comes early, but not for the sum before.
                (true, false) => (sum.wrapping_sub(1), sum.wrapping_sub(2)),
                (false, false) => return Misses::More,
            };
            let (odd, beyond) = wrong;
            let mut other = [0];
            simd.store_i32(simd.requantize_near(simd.splat_i32(beyond), factor, away), &mut other);
            if misses != Misses::None || (other[0] >= result) != (beyond > odd) {
                return Misses::More;
            }
            misses = Misses::One(odd);
        }
        misses
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use sedge_simd::{Kernel, Level, Simd};

    use super::{Multiplier, Near};

    /// The results for sums.
    struct Results<'r>(Near, &'r mut [i32]);

    impl Kernel for Results<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            let Self(Near { factor, away, odd, result }, sums) = self;
            let [odd, result] = [simd.splat_i32(odd), simd.splat_i32(result)];
            for sums in sums.chunks_mut(S::LANES) {
                let sum = simd.load_i32(sums);
                let near = simd.requantize_near(sum, simd.splat_f32(factor), simd.splat_f32(away));
                simd.store_i32(simd.replace(near, (sum, odd), result), sums);
            }
        }
    }

    #[test]
    fn all_sums_have_the_rules_results() {
        let (mut found, mut odd) = (0, 0);
        for level in Level::available() {
            for (number, zero) in (0..60).zip([-128, 0, 127, 5].into_iter().cycle()) {
                // From about 2^-4 to 2^-13, and powers of two.
                let real = if number % 10 == 0 { 0.25 } else { 0.07 + f64::from(number) * 0.013 };
                let multiplier = Multiplier::from_real(real / f64::from(8 << (number % 8)));
                let (low, high) = (-128 - zero, 127 - zero);
                let most = 600_000;
                let Some(near) = Near::find(level, multiplier, most, (low, high)) else { continue };
                (found, odd) = (found + 1, odd + usize::from(near.has_odd()));
                let sums: std::vec::Vec<i32> = (-most as i32..=most as i32).collect();
                let mut results = sums.clone();
                level.run(Results(near, &mut results));
                for (sum, result) in sums.into_iter().zip(results) {
                    let expected = multiplier.apply(sum).clamp(low, high);
                    assert_eq!(result.clamp(low, high), expected, "{sum} times {real} on {level}: {near:?}");
                }
            }
        }
        assert!(found > 100 && odd > 0, "{found} were found, {odd} of them with an exception");
    }

    #[test]
    fn what_it_is_not_for_is_left_to_the_rule() {
        let find = |multiplier, limits| Near::find(Level::SCALAR, multiplier, 1000, limits);
        // A factor of 1 or more, one that only huge sums are for, none, and results of more than 8 bits.
        assert_eq!(find(Multiplier::from_real(1.5), (-128, 127)), None);
        assert_eq!(find(Multiplier::from_real(1e-9), (-128, 127)), None);
        assert_eq!(find(Multiplier { q: 0, shift: -3 }, (-128, 127)), None);
        assert_eq!(find(Multiplier::from_real(0.1), (-32768, 32767)), None);
    }
}
