//! Scales and zero points from ranges, and real numbers to integers.

use crate::calibrate::Range;
use crate::graph::Quantization;

/// The largest magnitude of a bias, so that sums stay well within 32 bits.
const MAX_BIAS: f64 = (1u32 << 29) as f64;

/// One scale and zero point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// The real size of one step.
    pub scale: f32,
    /// The integer that stands for 0.
    pub zero_point: i32,
}

impl From<Affine> for Quantization {
    fn from(affine: Affine) -> Self {
        Self::per_tensor(affine.scale, affine.zero_point)
    }
}

/// Scale and zero point of int8 activations in `range`: the range is widened to hold 0, which gets an
/// integer of its own, and its ends get -128 and 127.
pub fn activation(range: Range) -> Affine {
    let (min, max) = (f64::from(range.min.min(0.0)), f64::from(range.max.max(0.0)));
    let scale = ((max - min) / 255.0) as f32;
    // Nothing but zeros: any scale will do. Subnormal ones would lose their precision.
    if scale < f32::MIN_POSITIVE {
        return Affine { scale: 1.0, zero_point: 0 };
    }
    let zero_point = (-128.0 - min / f64::from(scale)).round().clamp(-128.0, 127.0);
    Affine { scale, zero_point: zero_point as i32 }
}

/// Real numbers as int8 of one scale and zero point.
pub fn quantize(values: &[f32], affine: Affine) -> Vec<u8> {
    let one = |&v: &f32| {
        let q = (f64::from(v) / f64::from(affine.scale)).round() + f64::from(affine.zero_point);
        q.clamp(-128.0, 127.0) as i8 as u8
    };
    values.iter().map(one).collect()
}

/// Symmetric weights and their bias, one scale for each channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Filters {
    /// The scales of the weights.
    pub scales: Vec<f32>,
    /// The weights, in [-127, 127].
    pub weights: Vec<u8>,
    /// The bias, its scale `input scale * weight scale`; empty where there is none.
    pub bias: Vec<i32>,
    /// The scales of the bias.
    pub bias_scales: Vec<f32>,
}

/// Quantizes weights, of which `channels` names each one's channel, and the bias behind them.
///
/// A channel whose bias would be too large for its scale gets a larger one.
pub fn filters(
    weights: &[f32],
    channels: impl Iterator<Item = usize> + Clone,
    count: usize,
    bias: Option<&[f32]>,
    input_scale: f32,
) -> Filters {
    let mut largest = vec![0f32; count];
    for (&w, c) in weights.iter().zip(channels.clone()) {
        if let Some(largest) = largest.get_mut(c) {
            *largest = largest.max(w.abs());
        }
    }
    let bias = bias.unwrap_or_default();
    let scale = |(c, &largest): (usize, &f32)| {
        let bias = bias.get(c).map_or(0.0, |b| f64::from(b.abs()));
        let least = bias / (MAX_BIAS * f64::from(input_scale));
        let scale = (f64::from(largest) / 127.0).max(least) as f32;
        if scale < f32::MIN_POSITIVE { 1.0 } else { scale }
    };
    let scales: Vec<f32> = largest.iter().enumerate().map(scale).collect();
    let one = |(&w, c): (&f32, usize)| {
        let scale = scales.get(c).copied().unwrap_or(1.0);
        (f64::from(w) / f64::from(scale)).round().clamp(-127.0, 127.0) as i8 as u8
    };
    let quantized = weights.iter().zip(channels).map(one).collect();
    let bias_scales: Vec<f32> = scales.iter().map(|s| input_scale * s).collect();
    let whole = |(&b, &s): (&f32, &f32)| (f64::from(b) / f64::from(s)).round() as i32;
    let bias = bias.iter().zip(&bias_scales).map(whole).collect();
    Filters { scales, weights: quantized, bias, bias_scales }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(min: f32, max: f32) -> Affine {
        activation(Range { min, max })
    }

    #[test]
    fn ranges_become_scales_and_zero_points() {
        // 255 steps of 2/255 from -1 to 1: 0 lies halfway, at -0.5, and halves go away from zero.
        assert_eq!(of(-1.0, 1.0), Affine { scale: 2.0 / 255.0, zero_point: -1 });
        assert_eq!(of(0.0, 25.5), Affine { scale: 0.1, zero_point: -128 });
        assert_eq!(of(-25.5, 0.0), Affine { scale: 0.1, zero_point: 127 });
        // -10 is 40 steps of 1/4 below 0, at -128.
        assert_eq!(of(-10.0, 53.75), Affine { scale: 0.25, zero_point: -88 });
    }

    #[test]
    fn ranges_hold_zero() {
        assert_eq!(of(5.0, 25.5), of(0.0, 25.5));
        assert_eq!(of(-25.5, -3.0), of(-25.5, 0.0));
    }

    #[test]
    fn a_range_of_nothing_has_a_scale() {
        assert_eq!(of(0.0, 0.0), Affine { scale: 1.0, zero_point: 0 });
        assert_eq!(of(0.0, 1e-44), Affine { scale: 1.0, zero_point: 0 });
        // One value that is not 0 makes a range together with 0.
        assert_eq!(of(2.55, 2.55).zero_point, -128);
    }

    #[test]
    fn values_are_rounded_and_clamped() {
        let affine = Affine { scale: 0.5, zero_point: 10 };
        let integers: Vec<i8> =
            quantize(&[0.0, 0.25, -0.25, 1.0, 1e9, -1e9], affine).iter().map(|&b| b as i8).collect();
        assert_eq!(integers, [10, 11, 9, 12, 127, -128]);
    }

    #[test]
    fn each_channel_has_its_scale() {
        // Two channels of two weights; the bias's scales are 0.5 * (1, 0.01).
        let weights = [127.0, -63.6, 1.27, 0.0];
        let filters = filters(&weights, [0, 0, 1, 1].into_iter(), 2, Some(&[1.0, -0.1]), 0.5);
        assert_eq!(filters.scales, [1.0, 0.01]);
        assert_eq!(filters.weights.iter().map(|&b| b as i8).collect::<Vec<_>>(), [127, -64, 127, 0]);
        assert_eq!(filters.bias_scales, [0.5, 0.005]);
        assert_eq!(filters.bias, [2, -20]);
    }

    #[test]
    fn a_large_bias_behind_small_weights_fits() {
        let filters = filters(&[1e-20, 0.0], [0, 1].into_iter(), 2, Some(&[3.0, -7.0]), 0.1);
        assert!(filters.bias.iter().all(|b| b.unsigned_abs().abs_diff(1 << 29) < 64), "{:?}", filters.bias);
        let none = super::filters(&[0.0], [0].into_iter(), 1, None, 0.1);
        assert_eq!((none.scales, none.bias), (vec![1.0], vec![]));
    }
}
