//! What is remembered of a tensor's values, and the range chosen from it.

use super::histogram::Histogram;

/// The real values that a quantized tensor must be able to stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The smallest.
    pub min: f32,
    /// The largest.
    pub max: f32,
}

impl Range {
    /// The smallest range that holds both.
    pub fn union(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

/// How a range is chosen from the values seen. Values that are not finite never count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// The smallest and the largest value.
    MinMax,
    /// The smallest and the largest value of each sample, averaged: each sample counts a tenth, all before it the
    /// rest.
    MovingAverage,
    /// What is left when only this percentage of all values is kept.
    Percentile(f64),
    /// The range with the least mean squared error of the quantized values.
    Mse,
    /// The range whose quantized distribution has the least Kullback-Leibler divergence.
    Entropy,
}

/// The percentage of values that is kept where nothing else is asked for: one of 10,000 is cut off. On the MLPerf Tiny models
/// this leaves 2 to 5 dB less noise in the outputs than the smallest and the largest value do (docs/accuracy.md).
pub const DEFAULT_PERCENTILE: f64 = 99.99;

impl Default for Method {
    fn default() -> Self {
        Self::Percentile(DEFAULT_PERCENTILE)
    }
}

/// The weight of a new sample in a moving average.
const NEW_SHARE: f32 = 0.1;

/// What is remembered of one tensor. Samples may come in any order, and observers of parts of them may be
/// merged: the range is the same.
#[derive(Clone, Debug)]
pub struct Observer {
    method: Method,
    memory: Memory,
}

#[derive(Clone, Debug)]
enum Memory {
    Extremes(Option<Range>),
    /// Those of each sample, with its number.
    Samples(Vec<(usize, Range)>),
    Histogram(Box<Histogram>),
}

impl Observer {
    /// An observer that has seen nothing.
    pub fn new(method: Method) -> Self {
        let memory = match method {
            Method::MinMax => Memory::Extremes(None),
            Method::MovingAverage => Memory::Samples(Vec::new()),
            Method::Percentile(_) | Method::Mse | Method::Entropy => Memory::Histogram(Box::default()),
        };
        Self { method, memory }
    }

    /// Sees the tensor's values for sample `number`.
    pub fn observe(&mut self, number: usize, values: &mut dyn Iterator<Item = f32>) {
        match &mut self.memory {
            Memory::Extremes(range) => *range = joined(*range, extremes(values)),
            Memory::Samples(samples) => samples.extend(extremes(values).map(|range| (number, range))),
            Memory::Histogram(histogram) => values.for_each(|x| histogram.add(x)),
        }
    }

    /// Takes over what another observer of the same tensor has seen.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.memory, &other.memory) {
            (Memory::Extremes(range), Memory::Extremes(more)) => *range = joined(*range, *more),
            (Memory::Samples(samples), Memory::Samples(more)) => samples.extend(more),
            (Memory::Histogram(histogram), Memory::Histogram(more)) => histogram.merge(more),
            _ => {}
        }
    }

    /// The range chosen; `None` where nothing was seen.
    pub fn range(&self) -> Option<Range> {
        match &self.memory {
            Memory::Extremes(range) => *range,
            Memory::Samples(samples) => {
                let mut samples = samples.clone();
                samples.sort_by_key(|(number, _)| *number);
                let mix = |old: f32, new: f32| old + NEW_SHARE * (new - old);
                let ranges = samples.into_iter().map(|(_, range)| range);
                ranges.reduce(|old, new| Range { min: mix(old.min, new.min), max: mix(old.max, new.max) })
            }
            Memory::Histogram(histogram) => histogram.range(self.method),
        }
    }
}

fn joined(a: Option<Range>, b: Option<Range>) -> Option<Range> {
    a.into_iter().chain(b).reduce(Range::union)
}

fn extremes(values: &mut dyn Iterator<Item = f32>) -> Option<Range> {
    values.filter(|x| x.is_finite()).map(|x| Range { min: x, max: x }).reduce(Range::union)
}

#[cfg(test)]
mod tests {
    use super::{Method, Observer, Range};

    #[test]
    fn extremes_of_all_samples_are_kept() {
        let mut observer = Observer::new(Method::MinMax);
        assert_eq!(observer.range(), None);
        observer.observe(0, &mut [1.0, f32::NAN, -2.0].into_iter());
        let mut other = Observer::new(Method::MinMax);
        other.observe(1, &mut [f32::INFINITY, 3.5].into_iter());
        observer.merge(&other);
        assert_eq!(observer.range(), Some(Range { min: -2.0, max: 3.5 }));
    }

    #[test]
    fn averages_follow_the_samples_in_their_order() {
        let mut late = Observer::new(Method::MovingAverage);
        late.observe(1, &mut [-2.0, 10.0].into_iter());
        let mut early = Observer::new(Method::MovingAverage);
        early.observe(0, &mut [-1.0, 0.0].into_iter());
        late.merge(&early);
        // A tenth of the way from the first sample's to the second's.
        assert_eq!(late.range(), Some(Range { min: -1.1, max: 1.0 }));
    }
}
