//! The discrete Fourier transform of float32 numbers, `X[k] = sum of x[j] * exp(-2 pi i j k / n)`, for
//! lengths that are powers of two: in place, by halves (Cooley and Tukey). A complex number is
//! `[real, imaginary]`.

/// A complex number.
pub(crate) type Complex = [f32; 2];

/// Fills a table of the `table.len()` roots `exp(-pi i k / table.len())`, which serves transforms of up
/// to twice its length.
pub(crate) fn fill_roots(table: &mut [Complex]) {
    let count = table.len() as f64;
    for (k, root) in table.iter_mut().enumerate() {
        let angle = core::f64::consts::PI * k as f64 / count;
        *root = [libm::cos(angle) as f32, -libm::sin(angle) as f32];
    }
}

#[inline]
fn mul([a, b]: Complex, [c, d]: Complex) -> Complex {
    [a * c - b * d, a * d + b * c]
}

#[inline]
fn add([a, b]: Complex, [c, d]: Complex) -> Complex {
    [a + c, b + d]
}

#[inline]
fn sub([a, b]: Complex, [c, d]: Complex) -> Complex {
    [a - c, b - d]
}

/// Transforms the `length` numbers that stand in `values` every `stride`. `None` where that is not a
/// power of two, or there are too few numbers or roots.
pub(crate) fn complex(values: &mut [Complex], stride: usize, length: usize, roots: &[Complex]) -> Option<()> {
    let bits = length.checked_ilog2()?;
    // In the order of their indices' reversed bits, halves of halves lie together.
    for i in 0..length {
        let j = i.reverse_bits().checked_shr(usize::BITS - bits).unwrap_or(0);
        if i < j {
            let (a, b) = (*values.get(i * stride)?, *values.get(j * stride)?);
            (*values.get_mut(i * stride)?, *values.get_mut(j * stride)?) = (b, a);
        }
    }
    for half in (0..bits).map(|bit| 1usize << bit) {
        let step = roots.len() / half;
        for first in (0..length).step_by(2 * half) {
            for k in 0..half {
                let (low, high) = ((first + k) * stride, (first + k + half) * stride);
                let (a, b) = (*values.get(low)?, mul(*values.get(high)?, *roots.get(k * step)?));
                *values.get_mut(low)? = add(a, b);
                *values.get_mut(high)? = sub(a, b);
            }
        }
    }
    Some(())
}

/// Transforms `2 * m` real numbers that stand in pairs in the first `m` of `m + 1` numbers: all of these
/// become the first half of their transform, the rest of which mirrors it. With no pair, one real number
/// stands alone. `None` as for [`complex`].
pub(crate) fn real(values: &mut [Complex], roots: &[Complex]) -> Option<()> {
    let pairs = values.len().checked_sub(1)?;
    if pairs == 0 {
        return Some(());
    }
    complex(values, 1, pairs, roots)?;
    let [re, im] = *values.first()?;
    *values.first_mut()? = [re + im, 0.0];
    *values.get_mut(pairs)? = [re - im, 0.0];
    let step = roots.len() / pairs;
    for k in 1..=pairs / 2 {
        let (here, mirror) = (*values.get(k)?, *values.get(pairs - k)?);
        let mirrored = [mirror[0], -mirror[1]];
        // Transforms of the pairs' first and second numbers, doubled.
        let (first, [re, im]) = (add(here, mirrored), sub(here, mirrored));
        let second = mul([im, -re], *roots.get(k * step)?);
        let (low, [re, im]) = (add(first, second), sub(first, second));
        *values.get_mut(k)? = low.map(|x| 0.5 * x);
        *values.get_mut(pairs - k)? = [0.5 * re, -0.5 * im];
    }
    Some(())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec;
    use std::vec::Vec;

    use super::{Complex, complex, fill_roots, real};

    /// The definition, in double precision.
    fn naive(x: &[Complex]) -> Vec<[f64; 2]> {
        let n = x.len();
        let term = |k: usize, j: usize| {
            let (sin, cos) = (-2.0 * core::f64::consts::PI * ((j * k) % n) as f64 / n as f64).sin_cos();
            let [re, im] = x[j].map(f64::from);
            [re * cos - im * sin, re * sin + im * cos]
        };
        let sum = |a: [f64; 2], b: [f64; 2]| [a[0] + b[0], a[1] + b[1]];
        (0..n).map(|k| (0..n).map(|j| term(k, j)).fold([0.0; 2], sum)).collect()
    }

    fn near(found: &[Complex], want: &[[f64; 2]]) {
        for (found, want) in found.iter().zip(want) {
            for (&x, y) in found.iter().zip(want) {
                assert!((f64::from(x) - y).abs() < 1e-5 * 64.0, "{x} is not {y}");
            }
        }
    }

    /// Numbers from -1 to 1 that repeat late.
    fn numbers(n: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * i * 37 + i * 11) % 101) as f32 / 50.0 - 1.0).collect()
    }

    #[test]
    fn transforms_equal_their_definition() {
        let mut roots = vec![[0.0; 2]; 128];
        fill_roots(&mut roots);
        for length in [1, 2, 4, 8, 64, 256] {
            let x: Vec<Complex> = numbers(2 * length).as_chunks().0.to_vec();
            let want = naive(&x);
            let mut apart = vec![[9.0; 2]; 3 * length];
            apart.iter_mut().step_by(3).zip(&x).for_each(|(to, from)| *to = *from);
            complex(&mut apart, 3, length, &roots).unwrap();
            near(&apart.iter().copied().step_by(3).collect::<Vec<_>>(), &want);

            let reals = numbers(length);
            let want = naive(&reals.iter().map(|&x| [x, 0.0]).collect::<Vec<_>>());
            let mut packed = vec![[0.0; 2]; length / 2 + 1];
            packed.as_flattened_mut()[..length].copy_from_slice(&reals);
            real(&mut packed, &roots).unwrap();
            near(&packed, &want[..length / 2 + 1]);
        }
    }
}
