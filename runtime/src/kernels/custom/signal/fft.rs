//! Fast Fourier transforms of real signals, with the arithmetic of KISS FFT, which tflite-micro uses.
//!
//! A real signal of length L is a complex one of length n = L / 2 (even samples real, odd ones
//! imaginary). That is transformed in stages of 4, 2, 3 and 5 points, decimated in time, and the two real
//! spectra are taken apart. Integers are divided by the number of points of each stage before it, so
//! nothing overflows but what rounding does to full-scale input, which wraps around.

use bytemuck::{Pod, Zeroable};
use sedge_schema::{Refusal, TensorType};

use super::count;
use crate::arena::Span;
use crate::element::Element;
use crate::node::{Invoke, Prepare};

/// The types of samples.
pub(super) const TYPES: &[TensorType] = &[TensorType::Int16, TensorType::Int32, TensorType::Float32];

/// A complex number: real part, imaginary part.
pub(super) type Complex<T> = [T; 2];

/// Stages that a length of 2^24 has at most.
const MOST_STAGES: usize = 24;

/// What transforms of one length need.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Plan {
    kind: u32,
    length: u32,
    row: u32,
    inverse: u32,
    /// The points of each stage, the outermost first; 0 after the last.
    stages: [u8; MOST_STAGES],
    /// `exp(-+2 pi i k / n)` for all `k < n`.
    twiddles: Span,
    /// `exp(-+pi i ((k + 1) / n + 1 / 2))` for all `k < n / 2`.
    halves: Span,
}

/// The tables of a [`Plan`].
pub(super) struct Tables<'t, T> {
    twiddles: &'t [Complex<T>],
    halves: &'t [Complex<T>],
}

impl Plan {
    /// Prepares transforms of the length that the options ask for.
    pub(super) fn new(node: &mut Prepare<'_>, kind: TensorType, inverse: bool) -> Result<Self, Refusal> {
        let refused = Refusal::Parameter("fft_length");
        let length = count(&node.options()?, "fft_length", 2)?;
        if length % 2 != 0 {
            return Err(refused);
        }
        let n = length / 2;
        let mut stages = [0u8; MOST_STAGES];
        let mut rest = n;
        let mut slots = stages.iter_mut();
        for points in [4u8, 2, 3, 5] {
            while rest % u32::from(points) == 0 {
                *slots.next().ok_or(refused)? = points;
                rest /= u32::from(points);
            }
        }
        if rest != 1 {
            return Err(refused);
        }
        let (twiddles, halves) = match kind {
            TensorType::Int16 => tables::<i16>(node, n, inverse)?,
            TensorType::Int32 => tables::<i32>(node, n, inverse)?,
            _ => tables::<f32>(node, n, inverse)?,
        };
        let kind = kind.code() as u32;
        Ok(Self { kind, length, row: 0, inverse: inverse.into(), stages, twiddles, halves })
    }

    pub(super) fn with_row(self, row: usize) -> Self {
        Self { row: row as u32, ..self }
    }

    pub(super) fn kind(&self) -> Option<TensorType> {
        TensorType::from_code(self.kind as i8)
    }

    pub(super) fn length(&self) -> usize {
        self.length as usize
    }

    /// Elements of a row of the input.
    pub(super) fn row(&self) -> usize {
        self.row as usize
    }

    pub(super) fn tables<'s, T: Sample>(&self, node: &Invoke<'s>) -> Tables<'s, T> {
        Tables { twiddles: pairs(node.list(self.twiddles)), halves: pairs(node.list(self.halves)) }
    }

    fn stages(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        self.stages.iter().take_while(|&&points| points != 0).map(|&points| points.into())
    }
}

/// Fills the tables of twiddle factors.
fn tables<T: Sample>(node: &mut Prepare<'_>, n: u32, inverse: bool) -> Result<(Span, Span), Refusal> {
    use core::f64::consts::PI;
    let sign = if inverse { 1.0 } else { -1.0 };
    let mut table = |len: u32, phase: &dyn Fn(f64) -> f64| {
        let span = node.list::<T>(2 * len as usize)?;
        for (k, to) in pairs_mut(node.list_mut::<T>(span)).iter_mut().enumerate() {
            let phase = sign * phase(k as f64);
            *to = [libm::cos(phase), libm::sin(phase)].map(T::of_unit);
        }
        Ok(span)
    };
    let n_real = f64::from(n);
    let twiddles = table(n, &|k| 2.0 * PI * k / n_real)?;
    let halves = table(n / 2, &|k| PI * ((k + 1.0) / n_real + 0.5))?;
    Ok((twiddles, halves))
}

/// Pairs of numbers as complex ones.
pub(super) fn pairs<T: Sample>(list: &[T]) -> &[Complex<T>] {
    list.as_chunks().0
}

/// As [`pairs`], to change them.
pub(super) fn pairs_mut<T: Sample>(list: &mut [T]) -> &mut [Complex<T>] {
    list.as_chunks_mut().0
}

/// A number that transforms work on.
pub(super) trait Sample: Element {
    /// A sine or cosine.
    fn of_unit(x: f64) -> Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn neg(self) -> Self;
    /// The product with a twiddle factor's part.
    fn mul(self, factor: Self) -> Self;
    /// The complex product with a twiddle factor.
    fn complex(x: Complex<Self>, factor: Complex<Self>) -> Complex<Self>;
    /// A `points`-th for integers; floats stay.
    fn scaled(self, points: usize) -> Self;
    fn half(self) -> Self;
    /// Half of the sum, which itself may not fit.
    fn half_sum(self, other: Self) -> Self;
    /// As [`Sample::half_sum`], of the difference.
    fn half_difference(self, other: Self) -> Self;
    /// What is left to do after a backward transform.
    fn finish_backward(_signal: &mut [Self]) {}
}

// Products are rounded half up. Those that wrap around in the wide type have the right bits where they are kept.
macro_rules! fixed {
    ($($t:ty, $wide:ty, $half_sum:expr, $half_difference:expr;)*) => {$(
        impl Sample for $t {
            fn of_unit(x: f64) -> Self {
                libm::floor(0.5 + f64::from(<$t>::MAX) * x) as $t
            }

            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }

            fn sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }

            fn neg(self) -> Self {
                self.wrapping_neg()
            }

            #[inline]
            fn mul(self, factor: Self) -> Self {
                (<$wide>::from(self).wrapping_mul(factor.into()).wrapping_add(1 << (<$t>::BITS - 2)) >> (<$t>::BITS - 1)) as $t
            }

            #[inline]
            fn complex([re, im]: Complex<Self>, [cos, sin]: Complex<Self>) -> Complex<Self> {
                let product = |a: $t, b: $t| <$wide>::from(a).wrapping_mul(b.into());
                let parts = [
                    product(re, cos).wrapping_sub(product(im, sin)),
                    product(re, sin).wrapping_add(product(im, cos)),
                ];
                parts.map(|x| (x.wrapping_add(1 << (<$t>::BITS - 2)) >> (<$t>::BITS - 1)) as $t)
            }

            #[inline]
            fn scaled(self, points: usize) -> Self {
                self.mul(<$t>::MAX / points as $t)
            }

            fn half(self) -> Self {
                self >> 1
            }

            fn half_sum(self, other: Self) -> Self {
                let half_sum: fn($t, $t) -> $t = $half_sum;
                half_sum(self, other)
            }

            fn half_difference(self, other: Self) -> Self {
                let half_difference: fn($t, $t) -> $t = $half_difference;
                half_difference(self, other)
            }
        }
    )*};
}

fixed! {
    // Sums of int16 are formed in int, those of int32 wrap around.
    i16, i32, |a, b| ((i32::from(a) + i32::from(b)) >> 1) as i16, |a, b| ((i32::from(a) - i32::from(b)) >> 1) as i16;
    i32, i64, |a, b| a.wrapping_add(b) >> 1, |a, b| a.wrapping_sub(b) >> 1;
}

impl Sample for f32 {
    fn of_unit(x: f64) -> Self {
        x as f32
    }

    fn add(self, other: Self) -> Self {
        self + other
    }

    fn sub(self, other: Self) -> Self {
        self - other
    }

    fn neg(self) -> Self {
        -self
    }

    fn mul(self, factor: Self) -> Self {
        self * factor
    }

    fn complex([re, im]: Complex<Self>, [cos, sin]: Complex<Self>) -> Complex<Self> {
        [re * cos - im * sin, re * sin + im * cos]
    }

    fn scaled(self, _points: usize) -> Self {
        self
    }

    fn half(self) -> Self {
        self * 0.5
    }

    fn half_sum(self, other: Self) -> Self {
        (self + other) * 0.5
    }

    fn half_difference(self, other: Self) -> Self {
        (self - other) * 0.5
    }

    fn finish_backward(signal: &mut [Self]) {
        let length = signal.len() as f32;
        signal.iter_mut().for_each(|x| *x /= length);
    }
}

fn add<T: Sample>(a: Complex<T>, b: Complex<T>) -> Complex<T> {
    let ([a_re, a_im], [b_re, b_im]) = (a, b);
    [a_re.add(b_re), a_im.add(b_im)]
}

fn sub<T: Sample>(a: Complex<T>, b: Complex<T>) -> Complex<T> {
    let ([a_re, a_im], [b_re, b_im]) = (a, b);
    [a_re.sub(b_re), a_im.sub(b_im)]
}

/// `x * i`.
fn turned<T: Sample>([re, im]: Complex<T>) -> Complex<T> {
    [im.neg(), re]
}

fn conjugate<T: Sample>([re, im]: Complex<T>) -> Complex<T> {
    [re, im.neg()]
}

fn scaled<T: Sample>(x: Complex<T>, points: usize) -> Complex<T> {
    x.map(|part| part.scaled(points))
}

/// The spectrum of the real signal `from` (pairs of samples) into `to`; `work` has as many elements as
/// `from`. `None` where the lengths do not fit.
pub(super) fn forward<T: Sample>(
    plan: &Plan,
    tables: &Tables<'_, T>,
    from: &[Complex<T>],
    work: &mut [Complex<T>],
    to: &mut [Complex<T>],
) -> Option<()> {
    let n = plan.length() / 2;
    transform(plan, tables.twiddles, from, work)?;
    let [re, im] = scaled(*work.first()?, 2);
    *to.first_mut()? = [re.add(im), T::zeroed()];
    *to.get_mut(n)? = [re.sub(im), T::zeroed()];
    for (k, &factor) in (1..).zip(tables.halves) {
        let a = scaled(*work.get(k)?, 2);
        let b = scaled(conjugate(*work.get(n - k)?), 2);
        let ([even_re, even_im], odd) = (add(a, b), T::complex(sub(a, b), factor));
        let [odd_re, odd_im] = odd;
        *to.get_mut(k)? = [even_re.half_sum(odd_re), even_im.half_sum(odd_im)];
        *to.get_mut(n - k)? = [T::half_difference(even_re, odd_re), T::half_difference(odd_im, even_im)];
    }
    Some(())
}

/// The real signal (pairs of samples) with the spectrum `from` into `to`; `work` has as many elements as
/// `to`. `None` where the lengths do not fit.
pub(super) fn backward<T: Sample>(
    plan: &Plan,
    tables: &Tables<'_, T>,
    from: &[Complex<T>],
    work: &mut [Complex<T>],
    to: &mut [Complex<T>],
) -> Option<()> {
    let n = plan.length() / 2;
    let ([first, _], [last, _]) = (*from.first()?, *from.get(n)?);
    *work.first_mut()? = scaled([first.add(last), first.sub(last)], 2);
    for (k, &factor) in (1..).zip(tables.halves) {
        let a = scaled(*from.get(k)?, 2);
        let b = scaled(conjugate(*from.get(n - k)?), 2);
        let (even, odd) = (add(a, b), T::complex(sub(a, b), factor));
        *work.get_mut(k)? = add(even, odd);
        *work.get_mut(n - k)? = conjugate(sub(even, odd));
    }
    transform(plan, tables.twiddles, work, to)
}

/// The complex transform of `from` into `to`.
fn transform<T: Sample>(
    plan: &Plan,
    twiddles: &[Complex<T>],
    from: &[Complex<T>],
    to: &mut [Complex<T>],
) -> Option<()> {
    let n = plan.length() / 2;
    let to = to.get_mut(..n)?;
    // Each stage takes every p-th sample of the one around it: the digits of the index, turned around.
    for (i, to) in to.iter_mut().enumerate() {
        let (mut rest, mut len, mut at, mut stride) = (i, n, 0, 1);
        for points in plan.stages() {
            len /= points;
            at += rest / len.max(1) * stride;
            rest %= len.max(1);
            stride *= points;
        }
        *to = *from.get(at)?;
    }
    // From the innermost stage outwards; `m` is the length of the parts that a stage joins.
    let mut m = 1;
    for depth in (0..plan.stages().count()).rev() {
        let points = plan.stages().nth(depth)?;
        let stride = n / (m * points).max(1);
        for part in to.chunks_exact_mut((m * points).max(1)) {
            for k in 0..m {
                let factor = |j: usize| twiddles.get(j * k * stride).copied();
                match points {
                    2 => join2(part, m, k, factor(1)?)?,
                    3 => join3(part, m, k, [factor(1)?, factor(2)?], *twiddles.get(stride * m)?)?,
                    4 => {
                        let factors = [factor(1)?, factor(2)?, factor(3)?];
                        join4(part, m, k, factors, plan.inverse != 0)?;
                    }
                    _ => {
                        let factors = [factor(1)?, factor(2)?, factor(3)?, factor(4)?];
                        let roots = [*twiddles.get(stride * m)?, *twiddles.get(2 * stride * m)?];
                        join5(part, m, k, factors, roots)?;
                    }
                }
            }
        }
        m *= points;
    }
    Some(())
}

/// The `P` numbers that a stage joins: every `m`-th from `k` on, divided by `P`.
fn points<T: Sample, const P: usize>(part: &[Complex<T>], m: usize, k: usize) -> Option<[Complex<T>; P]> {
    let mut all = [[T::zeroed(); 2]; P];
    for (to, i) in all.iter_mut().zip(0..) {
        *to = scaled(*part.get(k + i * m)?, P);
    }
    Some(all)
}

fn put<T: Sample, const P: usize>(
    part: &mut [Complex<T>],
    m: usize,
    k: usize,
    all: [Complex<T>; P],
) -> Option<()> {
    for (i, x) in (0..).zip(all) {
        *part.get_mut(k + i * m)? = x;
    }
    Some(())
}

fn join2<T: Sample>(part: &mut [Complex<T>], m: usize, k: usize, factor: Complex<T>) -> Option<()> {
    let [a, b] = points(part, m, k)?;
    let b = T::complex(b, factor);
    put(part, m, k, [add(a, b), sub(a, b)])
}

fn join3<T: Sample>(
    part: &mut [Complex<T>],
    m: usize,
    k: usize,
    [f1, f2]: [Complex<T>; 2],
    [_, sine]: Complex<T>,
) -> Option<()> {
    let [a, b, c] = points(part, m, k)?;
    let (b, c) = (T::complex(b, f1), T::complex(c, f2));
    let (sum, difference) = (add(b, c), sub(b, c));
    let middle = sub(a, sum.map(T::half));
    let side = turned(difference.map(|x| x.mul(sine)));
    put(part, m, k, [add(a, sum), add(middle, side), sub(middle, side)])
}

fn join4<T: Sample>(
    part: &mut [Complex<T>],
    m: usize,
    k: usize,
    [f1, f2, f3]: [Complex<T>; 3],
    inverse: bool,
) -> Option<()> {
    let [a, b, c, d] = points(part, m, k)?;
    let (b, c, d) = (T::complex(b, f1), T::complex(c, f2), T::complex(d, f3));
    let (sum, difference) = (add(a, c), sub(a, c));
    let (other_sum, turn) = (add(b, d), turned(sub(b, d)));
    let (first, third) = match inverse {
        true => (add(difference, turn), sub(difference, turn)),
        false => (sub(difference, turn), add(difference, turn)),
    };
    put(part, m, k, [add(sum, other_sum), first, sub(sum, other_sum), third])
}

fn join5<T: Sample>(
    part: &mut [Complex<T>],
    m: usize,
    k: usize,
    [f1, f2, f3, f4]: [Complex<T>; 4],
    [[a_re, a_im], [b_re, b_im]]: [Complex<T>; 2],
) -> Option<()> {
    let [x, p, q, r, s] = points(part, m, k)?;
    let (p, q, r, s) = (T::complex(p, f1), T::complex(q, f2), T::complex(r, f3), T::complex(s, f4));
    let (outer, outer_difference) = (add(p, s), sub(p, s));
    let (inner, inner_difference) = (add(q, r), sub(q, r));
    let times = |x: Complex<T>, factor: T| x.map(|part| part.mul(factor));
    let near = add(add(x, times(outer, a_re)), times(inner, b_re));
    let far = add(add(x, times(outer, b_re)), times(inner, a_re));
    // Minus i times the sums of the differences.
    let back = |x: Complex<T>| turned(x).map(T::neg);
    let near_side = back(add(times(outer_difference, a_im), times(inner_difference, b_im)));
    let far_side = back(sub(times(outer_difference, b_im), times(inner_difference, a_im)));
    let first = add(x, add(outer, inner));
    put(
        part,
        m,
        k,
        [first, sub(near, near_side), sub(far, far_side), add(far, far_side), add(near, near_side)],
    )
}
