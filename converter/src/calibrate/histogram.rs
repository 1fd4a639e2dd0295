//! Histograms of values that are not known beforehand, and ranges chosen from them.

use super::{Method, Range};

/// Bins on each side of 0.
const HALF: usize = 2048;

/// How often values lie in each of 4096 equal parts of `[-limit, limit)`. The limit is a power of 2 and doubles
/// when a larger value comes: two neighbouring bins become one. So the order of values does not matter.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    bins: Vec<u64>,
    /// The power of 2 that the limit is; `None` before the first value.
    exponent: Option<i32>,
    range: Option<Range>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { bins: vec![0; 2 * HALF], exponent: None, range: None }
    }
}

/// The smallest limit: values below its bins are as good as 0.
const LEAST_EXPONENT: i32 = -100;

impl Histogram {
    /// Counts a value; one that is not finite does not count.
    pub(crate) fn add(&mut self, x: f32) {
        if !x.is_finite() {
            return;
        }
        let point = Range { min: x, max: x };
        self.range = Some(self.range.map_or(point, |range| range.union(point)));
        self.grow(above(x));
        let at = self.bin(x);
        if let Some(bin) = self.bins.get_mut(at) {
            *bin += 1;
        }
    }

    /// Counts all that the other one counted.
    pub(super) fn merge(&mut self, other: &Self) {
        let (Some(exponent), Some(range)) = (other.exponent, other.range) else { return };
        self.range = Some(self.range.map_or(range, |own| own.union(range)));
        self.grow(exponent);
        let mut other = other.clone();
        if let Some(own) = self.exponent {
            other.grow(own);
        }
        self.bins.iter_mut().zip(&other.bins).for_each(|(bin, count)| *bin += count);
    }

    /// Makes the limit at least 2 to the power of `exponent`.
    fn grow(&mut self, exponent: i32) {
        let Some(own) = self.exponent else {
            self.exponent = Some(exponent);
            return;
        };
        for _ in own..exponent {
            let pairs: Vec<u64> = self.bins.chunks(2).map(|pair| pair.iter().sum()).collect();
            self.bins.fill(0);
            let middle = self.bins.iter_mut().skip(HALF / 2);
            middle.zip(pairs).for_each(|(bin, count)| *bin = count);
        }
        self.exponent = Some(own.max(exponent));
    }

    fn width(&self) -> f64 {
        2f64.powi(self.exponent.unwrap_or(LEAST_EXPONENT)) / HALF as f64
    }

    fn bin(&self, x: f32) -> usize {
        let at = (f64::from(x) / self.width()).floor() + HALF as f64;
        (at.max(0.0) as usize).min(2 * HALF - 1)
    }

    /// For each bin that is not empty the value in its middle and how often it came.
    fn counts(&self) -> Vec<(f64, f64)> {
        let width = self.width();
        let middle = |i: usize| (i as f64 - HALF as f64 + 0.5) * width;
        self.bins.iter().enumerate().filter(|(_, n)| **n != 0).map(|(i, &n)| (middle(i), n as f64)).collect()
    }

    /// How often values lie in each of `count` equal parts of what was seen.
    pub(crate) fn parts(&self, count: usize) -> Vec<u64> {
        let mut parts = vec![0; count];
        let Some(Range { min, max }) = self.range else { return parts };
        let width = (f64::from(max) - f64::from(min)).max(f64::MIN_POSITIVE);
        for (x, n) in self.counts() {
            let at = ((x - f64::from(min)) / width * count as f64).max(0.0) as usize;
            if let Some(part) = parts.get_mut(at.min(count.saturating_sub(1))) {
                *part += n as u64;
            }
        }
        parts
    }

    /// The range that `method` chooses; `None` where nothing was counted.
    pub(super) fn range(&self, method: Method) -> Option<Range> {
        let full = self.range?;
        Some(match method {
            Method::Percentile(share) => self.percentile(full, share),
            Method::Mse => self.least_error(full),
            Method::Entropy => self.least_divergence(full),
            _ => full,
        })
    }

    /// What is left when the share `1 - share / 100` of all values is cut off, half at each end.
    fn percentile(&self, full: Range, share: f64) -> Range {
        let counts = self.counts();
        let total: f64 = counts.iter().map(|c| c.1).sum();
        let cut = total * (1.0 - share / 100.0) / 2.0;
        let half = self.width() / 2.0;
        let edge = |counts: &mut dyn Iterator<Item = &(f64, f64)>| {
            let mut seen = 0.0;
            for (x, n) in counts {
                seen += n;
                if seen > cut {
                    return Some(*x);
                }
            }
            None
        };
        let low = edge(&mut counts.iter()).map_or(full.min, |x| (x - half) as f32);
        let high = edge(&mut counts.iter().rev()).map_or(full.max, |x| (x + half) as f32);
        Range { min: low.max(full.min), max: high.min(full.max) }
    }

    /// The part of the range with the least mean squared error of 8-bit integers: values inside are rounded, which
    /// costs `step^2 / 12` each, those outside become the nearest end.
    fn least_error(&self, full: Range) -> Range {
        let counts = self.counts();
        let error = |range: Range| -> f64 {
            let (low, high) = (f64::from(range.min.min(0.0)), f64::from(range.max.max(0.0)));
            let rounding = ((high - low) / 255.0).powi(2) / 12.0;
            let of = |&(x, n): &(f64, f64)| {
                let outside = x - x.clamp(low, high);
                n * if outside == 0.0 { rounding } else { outside * outside }
            };
            counts.iter().map(of).sum()
        };
        let mut best = (error(full), full);
        // Each end by itself, in turn, in steps of a hundredth.
        for _ in 0..2 {
            for is_low in [true, false] {
                let start = best.1;
                for k in 1..100 {
                    let share = 1.0 - k as f32 / 100.0;
                    let range = match is_low {
                        true => Range { min: start.min * share, ..start },
                        false => Range { max: start.max * share, ..start },
                    };
                    let found = error(range);
                    if found < best.0 {
                        best = (found, range);
                    }
                }
            }
        }
        best.1
    }

    /// The part of the range whose distribution in 128 steps has the least Kullback-Leibler divergence from that of
    /// all values, those outside counted at the ends (Migacz, 8-bit inference with TensorRT, 2017). Both ends move
    /// together.
    fn least_divergence(&self, full: Range) -> Range {
        const STEPS: usize = 128;
        let negative = self.bins.iter().take(HALF).rev();
        let mut sizes: Vec<f64> =
            negative.zip(self.bins.iter().skip(HALF)).map(|(a, b)| (a + b) as f64).collect();
        // The zeros of an activation function have an integer of their own: they cost nothing in any range.
        if let [first, second, ..] = sizes.as_mut_slice() {
            *first = *second;
        }
        let used = sizes.iter().rposition(|&n| n != 0.0).map_or(0, |i| i + 1);
        let mut best = (f64::INFINITY, used);
        for end in (STEPS..=used).step_by(8).chain([used]) {
            let (inside, outside) = sizes.split_at_checked(end).unwrap_or_default();
            let mut reference = inside.to_vec();
            if let Some(last) = reference.last_mut() {
                *last += outside.iter().sum::<f64>();
            }
            let found = divergence(&reference, inside, STEPS);
            if found < best.0 {
                best = (found, end);
            }
        }
        let limit = (best.1 as f64 * self.width()) as f32;
        Range { min: full.min.max(-limit), max: full.max.min(limit) }
    }
}

/// The divergence of `reference` from `inside` in `steps` equal steps, each spread over its bins that are not empty.
fn divergence(reference: &[f64], inside: &[f64], steps: usize) -> f64 {
    let total: f64 = reference.iter().sum();
    let kept: f64 = inside.iter().sum();
    if total == 0.0 || kept == 0.0 {
        return f64::INFINITY;
    }
    let mut sum = 0.0;
    for step in 0..steps {
        let (from, to) = (step * inside.len() / steps, (step + 1) * inside.len() / steps);
        let part = inside.get(from..to).unwrap_or_default();
        let filled = part.iter().filter(|&&n| n != 0.0).count().max(1) as f64;
        let share = part.iter().sum::<f64>() / filled / kept;
        for &p in reference.get(from..to).unwrap_or_default().iter().filter(|&&p| p != 0.0) {
            // Where nothing lies inside, what was cut off has nowhere to be.
            let q = if share > 0.0 { share } else { 1e-9 };
            sum += p / total * (p / total / q).ln();
        }
    }
    sum
}

/// The smallest power of 2 above the magnitude of `x`.
fn above(x: f32) -> i32 {
    let magnitude = f64::from(x.abs());
    if magnitude == 0.0 {
        return LEAST_EXPONENT;
    }
    let exponent = magnitude.log2().floor() as i32;
    // The logarithm of a number just below a power of 2 may be rounded up to it.
    let exponent = if 2f64.powi(exponent) > magnitude { exponent - 1 } else { exponent };
    (exponent + 1).max(LEAST_EXPONENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl IntoIterator<Item = f32>) -> Histogram {
        let mut histogram = Histogram::default();
        values.into_iter().for_each(|x| histogram.add(x));
        histogram
    }

    #[test]
    fn the_order_of_values_does_not_matter() {
        let values: Vec<f32> = (0..1000).map(|i| ((i * 37 % 1000) as f32 - 300.0) * 0.01).collect();
        let once = of(values.iter().copied());
        let back = of(values.iter().rev().copied());
        let (low, high) = values.split_at(400);
        let mut merged = of(high.iter().copied());
        merged.merge(&of(low.iter().copied()));
        for other in [&back, &merged] {
            assert_eq!((&other.bins, other.exponent, other.range), (&once.bins, once.exponent, once.range));
        }
        assert_eq!(once.bins.iter().sum::<u64>(), 1000);
        assert_eq!(once.exponent, Some(3));
    }

    #[test]
    fn percentiles_cut_outliers_off() {
        // 0 to 1 in steps of a thousandth, and one outlier.
        let histogram = of((0..1000).map(|i| i as f32 / 1000.0).chain([50.0]));
        let range = histogram.range(Method::Percentile(99.0)).unwrap();
        // 5 values of each end; bins are 64 / 2048 wide.
        assert!((0.0..=0.03).contains(&range.min) && (0.96..=1.03).contains(&range.max), "{range:?}");
        assert_eq!(histogram.range(Method::MinMax), Some(Range { min: 0.0, max: 50.0 }));
    }

    #[test]
    fn the_least_error_gives_rare_extremes_up() {
        // Values up to 1 and a single 2. Not cutting it costs each of the others 3 * (1/255)^2 / 12 more, cutting
        // it at 1 costs 1: so it goes where there are more than 260,000 others.
        let with = |times: usize| of((0..1000 * times).map(|i| (i % 1000) as f32 / 1000.0).chain([2.0]));
        assert!(with(1).range(Method::Mse).unwrap().max > 1.9);
        assert!(with(1000).range(Method::Mse).unwrap().max < 1.5);
    }

    #[test]
    fn divergence_is_least_where_steps_are_fine_enough() {
        // A normal distribution with one value far out.
        let normal = (0..20_000).map(|i| {
            let (u, v) = ((i as f64 + 0.5) / 20_000.0, (i as f64 * 0.618_034).fract());
            ((-2.0 * u.ln()).sqrt() * (v * std::f64::consts::TAU).cos()) as f32
        });
        let range = of(normal.chain([60.0])).range(Method::Entropy).unwrap();
        assert!((2.0..20.0).contains(&range.max), "{range:?}");
    }

    #[test]
    fn limits_are_powers_of_two() {
        assert_eq!([0.75, 1.0, 1.5, -2.0, 0.0].map(above), [0, 1, 1, 2, LEAST_EXPONENT]);
    }
}
