//! `exp` of vectors of floats: `2^n * exp(r)` with `x = n * ln 2 + r`, `exp(r)` by its series. Nearly always it is the
//! nearest float: models whose next layer quantizes what it reads show the difference.

use sedge_simd::{Kernel, Simd};

/// `1 / n!` for `n` from 7 down to 2; what follows is less than `1e-8`, for `r` up to half of `ln 2`.
const SERIES: [f32; 6] = [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 1.0 / 2.0];

/// `ln 2` in two parts, of which the first has few bits, so that its products with small integers are exact.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];

/// Arguments beyond these have results of no more than the smallest normal number, and of no less than half
/// of the largest.
const RANGE: (f32, f32) = (-87.3, 88.0);

/// `x = n * ln 2 + r + less`, and `(exp(r) - 1 - r) / r^2`.
struct Reduced<S: Simd> {
    n: S::I32,
    r: S::F32,
    /// What rounding took off `r`.
    less: S::F32,
    series: S::F32,
}

impl<S: Simd> Reduced<S> {
    #[inline(always)]
    fn of(simd: S, x: S::F32) -> Self {
        let none = simd.splat_f32(0.0);
        let n = simd.nearest_f32(simd.mul_add_f32(x, simd.splat_f32(core::f32::consts::LOG2_E), none));
        let whole = simd.to_f32(n);
        let [first, second] = LN_2.map(|part| -part);
        let exact = simd.mul_add_f32(whole, simd.splat_f32(first), x);
        let r = simd.mul_add_f32(whole, simd.splat_f32(second), exact);
        let less = simd.mul_add_f32(r, simd.splat_f32(-1.0), exact);
        let less = simd.mul_add_f32(whole, simd.splat_f32(second), less);
        let mut series = none;
        for coefficient in SERIES {
            series = simd.mul_add_f32(series, r, simd.splat_f32(coefficient));
        }
        Self { n, r, less, series }
    }
}

/// `2^n`.
#[inline(always)]
fn power<S: Simd>(simd: S, n: S::I32) -> S::F32 {
    simd.f32_of_bits(simd.shift_left(simd.add_i32(n, simd.splat_i32(127)), simd.splat_i32(23)))
}

/// `exp(x)`, where `x` beyond [`RANGE`] counts as its nearer end.
#[inline(always)]
fn exp<S: Simd>(simd: S, x: S::F32) -> S::F32 {
    let x = simd.min_f32(simd.max_f32(x, simd.splat_f32(RANGE.0)), simd.splat_f32(RANGE.1));
    let Reduced { n, r, series, .. } = Reduced::of(simd, x);
    // 1 + r, and what rounding it takes off.
    let (none, one, minus) = (simd.splat_f32(0.0), simd.splat_f32(1.0), simd.splat_f32(-1.0));
    let sum = simd.mul_add_f32(r, one, one);
    let rest = simd.mul_add_f32(simd.mul_add_f32(sum, one, minus), minus, r);
    let p = simd.mul_add_f32(series, simd.mul_add_f32(r, r, none), rest);
    simd.mul_add_f32(simd.mul_add_f32(p, one, sum), power(simd, n), none)
}

/// `tanh(x)` of all elements, nearly always the nearest floats: `e / (e + 2)` with `e = exp(-2 |x|) - 1`, and the sign of
/// `x`. Numbers go in two parts, what a float can hold and what rounding took off; on levels that round products before
/// they add, the second has errors of its own.
pub(crate) struct Tanh<'k>(pub(crate) &'k mut [f32]);

/// Twice the argument beyond which the result is 1 or -1.
const TANH_RANGE: f32 = 20.0;

impl Kernel for Tanh<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for x in self.0.chunks_mut(S::LANES) {
            simd.store_f32(tanh(simd, simd.load_f32(x)), x);
        }
    }
}

#[inline(always)]
fn tanh<S: Simd>(simd: S, x: S::F32) -> S::F32 {
    let (none, one, two) = (simd.splat_f32(0.0), simd.splat_f32(1.0), simd.splat_f32(2.0));
    let minus = simd.splat_f32(-1.0);
    let twice = simd.mul_add_f32(x, two, none);
    let below = simd.min_f32(twice, simd.mul_add_f32(twice, minus, none));
    let Reduced { n, r, less, series } = Reduced::of(simd, simd.max_f32(below, simd.splat_f32(-TANH_RANGE)));
    // exp(r) - 1.
    let rest = simd.mul_add_f32(series, simd.mul_add_f32(r, r, none), less);
    let high = simd.mul_add_f32(rest, one, r);
    let low = simd.mul_add_f32(simd.mul_add_f32(high, minus, r), one, rest);
    // e: 2^n times that, and 2^n - 1, which is not nearer to 0 or is 0.
    let power = power(simd, n);
    let whole = simd.mul_add_f32(power, one, minus);
    let e = simd.mul_add_f32(high, power, whole);
    let e_low = simd.mul_add_f32(high, power, simd.mul_add_f32(e, minus, whole));
    let e_low = simd.mul_add_f32(low, power, e_low);
    let whole_low = simd.mul_add_f32(simd.mul_add_f32(whole, one, one), minus, power);
    let e_low = simd.mul_add_f32(e_low, one, whole_low);
    // The quotient, and what it lacks.
    let d = simd.mul_add_f32(e, one, two);
    let d_low = simd.mul_add_f32(simd.mul_add_f32(d, minus, two), one, e);
    let d_low = simd.mul_add_f32(d_low, one, e_low);
    let inverse = simd.div_f32(one, d);
    let q = simd.mul_add_f32(e, inverse, none);
    let minus_q = simd.mul_add_f32(q, minus, none);
    let lacks = simd.mul_add_f32(minus_q, d, e);
    let lacks = simd.mul_add_f32(minus_q, d_low, simd.mul_add_f32(lacks, one, e_low));
    let below = simd.mul_add_f32(lacks, inverse, q);
    // x itself, far from 0, between this and its negative.
    let far = simd.mul_add_f32(x, simd.splat_f32(f32::from_bits(254 << 23)), none);
    simd.min_f32(simd.max_f32(far, below), simd.mul_add_f32(below, minus, none))
}

/// `1 / (1 + exp(-x))` of all elements.
pub(crate) struct Logistic<'k>(pub(crate) &'k mut [f32]);

impl Kernel for Logistic<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (none, one) = (simd.splat_f32(0.0), simd.splat_f32(1.0));
        let minus = simd.splat_f32(-1.0);
        for x in self.0.chunks_mut(S::LANES) {
            // With numbers that are not positive only: exp(-|x|), and exp(x) or 1.
            let y = simd.load_f32(x);
            let e = exp(simd, simd.min_f32(y, simd.mul_add_f32(y, minus, none)));
            let above = exp(simd, simd.min_f32(y, none));
            simd.store_f32(simd.div_f32(above, simd.mul_add_f32(e, one, one)), x);
        }
    }
}

/// Softmax of all elements: `exp((x - largest) * beta)`, divided by the sum of these.
pub(crate) struct SoftmaxRow<'k> {
    pub(crate) row: &'k mut [f32],
    pub(crate) beta: f32,
}

/// No vector has more lanes.
const MOST_LANES: usize = 16;

/// The lanes of a vector.
#[inline(always)]
fn lanes<S: Simd>(simd: S, x: S::F32) -> impl Iterator<Item = f32> {
    let mut lanes = [0.0; MOST_LANES];
    simd.store_f32(x, &mut lanes);
    lanes.into_iter().take(S::LANES)
}

impl Kernel for SoftmaxRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (none, one) = (simd.splat_f32(0.0), simd.splat_f32(1.0));
        let whole = self.row.len() - self.row.len() % S::LANES;
        let (wholes, last) = self.row.split_at_mut(whole);
        let mut largest = simd.splat_f32(f32::MIN);
        for x in wholes.chunks_exact(S::LANES) {
            largest = simd.max_f32(largest, simd.load_f32(x));
        }
        let largest = lanes(simd, largest).chain(last.iter().copied()).fold(f32::MIN, f32::max);
        let (less, beta) = (simd.splat_f32(-largest), simd.splat_f32(self.beta));
        let mut sum = none;
        for x in wholes.chunks_exact_mut(S::LANES) {
            let difference = simd.mul_add_f32(simd.load_f32(x), one, less);
            let term = exp(simd, simd.mul_add_f32(difference, beta, none));
            sum = simd.mul_add_f32(term, one, sum);
            simd.store_f32(term, x);
        }
        if !last.is_empty() {
            let difference = simd.mul_add_f32(simd.load_f32(last), one, less);
            simd.store_f32(exp(simd, simd.mul_add_f32(difference, beta, none)), last);
        }
        let sum: f32 = lanes(simd, sum).chain(last.iter().copied()).sum();
        let sum = simd.splat_f32(sum);
        for x in self.row.chunks_mut(S::LANES) {
            simd.store_f32(simd.div_f32(simd.load_f32(x), sum), x);
        }
    }
}

#[cfg(test)]
mod tests {
    use sedge_simd::{Kernel, Level, Simd};

    use super::{Logistic, SoftmaxRow, Tanh, exp};

    /// `exp` of all elements.
    struct Exp<'k>(&'k mut [f32]);

    impl Kernel for Exp<'_> {
        type Output = ();

        fn run<S: Simd>(self, simd: S) {
            for x in self.0.chunks_mut(S::LANES) {
                simd.store_f32(exp(simd, simd.load_f32(x)), x);
            }
        }
    }

    #[test]
    fn softmax_is_that_of_float64() {
        for (length, beta) in (1..70).flat_map(|n| [(n, 1.0), (n, 0.3)]) {
            // Around zero and far below, so that lanes which hold nothing would show.
            for start in [-4.0f32, -900.0] {
                let xs: std::vec::Vec<f32> =
                    (0..length).map(|i| start + (i * 37 % 23) as f32 * 0.4).collect();
                let largest = xs.iter().copied().fold(f32::MIN, f32::max);
                let terms = xs.iter().map(|&x| (f64::from(x - largest) * f64::from(beta)).exp());
                let sum: f64 = terms.clone().sum();
                for level in Level::available() {
                    let mut row = xs.clone();
                    level.run(SoftmaxRow { row: &mut row, beta });
                    for (y, term) in row.iter().zip(terms.clone()) {
                        let exact = term / sum;
                        // Terms, their sums and the quotient are rounded: a few units in the last place.
                        assert!((f64::from(*y) / exact - 1.0).abs() < 1e-6, "{y} is not {exact} on {level}");
                    }
                }
            }
        }
    }

    /// Whether a level adds to products before it rounds them.
    struct Fuses;

    impl Kernel for Fuses {
        type Output = bool;

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> bool {
            let near_one = simd.splat_f32(1.0 + f32::EPSILON);
            let mut left = [0.0];
            let square = simd.splat_f32(-1.0 - 2.0 * f32::EPSILON);
            simd.store_f32(simd.mul_add_f32(near_one, near_one, square), &mut left);
            left != [0.0]
        }
    }

    #[test]
    fn tangents_are_those_of_float64() {
        let small = (-400..400).map(|i| i as f32 * 1e-5);
        let xs: std::vec::Vec<f32> = (-12000..12000).map(|i| i as f32 * 1e-3).chain(small).collect();
        for level in Level::available() {
            let mut found = xs.clone();
            level.run(Tanh(&mut found));
            for (&x, &y) in xs.iter().zip(&found) {
                let exact = f64::from(x).tanh();
                // Half of the last bit of a float is up to 6e-8; the rest is the series' end. A unit more where products are rounded
                // before they are added.
                let near = if level.run(Fuses) { 8e-8 } else { 1.8e-7 };
                assert!((f64::from(y) - exact).abs() <= near * exact.abs(), "tanh({x}) = {y} on {level}");
            }
            let mut ends = [f32::NEG_INFINITY, -1e30, 1e30, f32::INFINITY, f32::NAN, 1e-38, 0.0];
            level.run(Tanh(&mut ends));
            assert!(ends[..4] == [-1.0, -1.0, 1.0, 1.0] && ends[4].is_nan() && ends[5..] == [1e-38, 0.0]);
        }
    }

    #[test]
    fn exponentials_are_those_of_float64() {
        let xs: std::vec::Vec<f32> = (-8730..8800).map(|i| i as f32 * 0.01).collect();
        for level in Level::available() {
            let mut terms = xs.clone();
            level.run(Exp(&mut terms));
            let mut logistic = xs.clone();
            level.run(Logistic(&mut logistic));
            for ((&x, &e), &l) in xs.iter().zip(&terms).zip(&logistic) {
                let exact = f64::from(x).exp();
                assert!((f64::from(e) / exact - 1.0).abs() < 7e-8, "exp({x}) = {e} on {level}");
                let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
                assert!((f64::from(l) / exact - 1.0).abs() < 2e-7, "logistic({x}) = {l} on {level}");
            }
            let mut ends = [f32::NEG_INFINITY, -1e30, 1e30, f32::INFINITY, f32::NAN];
            level.run(Logistic(&mut ends));
            assert!(ends[..2].iter().all(|&x| x < 1e-37) && ends[2..4] == [1.0; 2] && ends[4].is_nan());
        }
    }
}
