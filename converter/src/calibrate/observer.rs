//! What is remembered of a tensor's values.

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

/// Sees a tensor's values over all samples, and chooses the range.
pub trait Observer {
    /// Sees the values of one sample.
    fn observe(&mut self, values: &mut dyn Iterator<Item = f32>);

    /// The range chosen; `None` where nothing was seen.
    fn range(&self) -> Option<Range>;
}

/// The smallest and the largest value seen. Values that are not finite do not count.
#[derive(Clone, Copy, Debug, Default)]
pub struct MinMax(Option<Range>);

impl Observer for MinMax {
    fn observe(&mut self, values: &mut dyn Iterator<Item = f32>) {
        for x in values.filter(|x| x.is_finite()) {
            let point = Range { min: x, max: x };
            self.0 = Some(self.0.map_or(point, |range| range.union(point)));
        }
    }

    fn range(&self) -> Option<Range> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{MinMax, Observer, Range};

    #[test]
    fn extremes_of_all_samples_are_kept() {
        let mut observer = MinMax::default();
        assert_eq!(observer.range(), None);
        observer.observe(&mut [1.0, f32::NAN, -2.0].into_iter());
        observer.observe(&mut [f32::INFINITY, 0.5].into_iter());
        assert_eq!(observer.range(), Some(Range { min: -2.0, max: 1.0 }));
    }
}
