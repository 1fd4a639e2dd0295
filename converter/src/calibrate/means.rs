//! The mean of each channel of a tensor.

/// Fractional bits of the sums. They are integers, so that the order of samples does not matter.
const FRACTION: i32 = 40;

/// Sums over all elements of each channel, the last dimension.
#[derive(Clone, Debug, Default)]
pub(super) struct Means {
    sums: Vec<i128>,
    /// Elements of each channel.
    count: u64,
}

impl Means {
    /// Sees the values of a tensor of this many channels.
    pub(super) fn observe(&mut self, channels: usize, values: &mut dyn Iterator<Item = f32>) {
        if channels == 0 {
            return;
        }
        self.sums.resize(channels, 0);
        let mut seen = 0u64;
        for x in values {
            if let Some(sum) = self.sums.get_mut((seen % channels as u64) as usize) {
                // Conversion saturates, and takes what is undefined as 0.
                *sum = sum.saturating_add((f64::from(x) * 2f64.powi(FRACTION)) as i64 as i128);
            }
            seen += 1;
        }
        self.count += seen / channels as u64;
    }

    /// Takes over what was seen elsewhere.
    pub(super) fn merge(&mut self, other: &Self) {
        self.sums.resize(self.sums.len().max(other.sums.len()), 0);
        self.sums.iter_mut().zip(&other.sums).for_each(|(sum, more)| *sum = sum.saturating_add(*more));
        self.count += other.count;
    }

    /// The mean of each channel; `None` where nothing was seen.
    pub(super) fn get(&self) -> Option<Vec<f64>> {
        let share = 2f64.powi(-FRACTION) / self.count as f64;
        (self.count != 0).then(|| self.sums.iter().map(|&sum| sum as f64 * share).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Means;

    #[test]
    fn channels_have_means_of_their_own() {
        let mut means = Means::default();
        assert_eq!(means.get(), None);
        means.observe(2, &mut [1.0, 10.0, 2.0, f32::NAN].into_iter());
        let mut other = Means::default();
        other.observe(2, &mut [-6.0, 5.0].into_iter());
        means.merge(&other);
        assert_eq!(means.get(), Some(vec![-1.0, 5.0]));
    }
}
