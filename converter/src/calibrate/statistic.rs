//! What is kept of an activation's values while samples go by.

use std::fmt::Debug;

/// An interval of real numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Its smallest number.
    pub min: f32,
    /// Its largest number.
    pub max: f32,
}

impl Range {
    /// The range of these values; `None` where there are none.
    pub fn of(values: &[f32]) -> Option<Self> {
        let one = |&v: &f32| Self { min: v, max: v };
        values.iter().map(one).reduce(Self::union)
    }

    /// The smallest range that holds both.
    pub fn union(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

/// Sees an activation's values, sample by sample, and tells the range to quantize it for.
pub trait Statistic: Debug {
    /// Sees the values of one more sample.
    fn observe(&mut self, values: &[f32]);

    /// The range to quantize for; `None` where no value was seen.
    fn range(&self) -> Option<Range>;

    /// Whether a value was infinite or no number.
    fn saw_other_than_finite(&self) -> bool;
}

/// Keeps the smallest and the largest value.
#[derive(Clone, Copy, Debug, Default)]
pub struct MinMax {
    range: Option<Range>,
    other: bool,
}

impl Statistic for MinMax {
    fn observe(&mut self, values: &[f32]) {
        self.other |= values.iter().any(|v| !v.is_finite());
        self.range = self.range.into_iter().chain(Range::of(values)).reduce(Range::union);
    }

    fn range(&self) -> Option<Range> {
        self.range
    }

    fn saw_other_than_finite(&self) -> bool {
        self.other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_grows_with_the_values() {
        let mut statistic = MinMax::default();
        assert_eq!(statistic.range(), None);
        statistic.observe(&[]);
        statistic.observe(&[0.5, -1.0]);
        statistic.observe(&[2.0]);
        assert_eq!(statistic.range(), Some(Range { min: -1.0, max: 2.0 }));
        assert!(!statistic.saw_other_than_finite());
        statistic.observe(&[f32::NAN]);
        assert!(statistic.saw_other_than_finite());
    }
}
