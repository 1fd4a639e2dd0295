//! Scales and zero points for ranges of real values.

use sedge_schema::TensorType;

use crate::calibrate::Range;
use crate::graph::Quantization;

/// The quantization of an activation of this type and range: [`activation`] for int8. int16 is symmetric,
/// `scale = max(|min|, |max|) / 32767`, `zero_point = 0`.
pub(super) fn of_range(range: Range, kind: TensorType) -> Quantization {
    if kind != TensorType::Int16 {
        return activation(range);
    }
    let scale = range.min.abs().max(range.max.abs()) / 32767.0;
    Quantization::per_tensor(if scale < f32::MIN_POSITIVE { 1.0 } else { scale }, 0)
}

/// The quantization of an int8 activation with this range.
///
/// The range is widened to hold 0, so that 0 (which padding means) has an integer of its own:
/// `scale = (max - min) / 255`, `zero_point = clamp(round(-128 - min / scale), -128, 127)`. A range that
/// holds only 0 gets scale 1.
pub fn activation(range: Range) -> Quantization {
    let (min, max) = (f64::from(range.min.min(0.0)), f64::from(range.max.max(0.0)));
    let scale = ((max - min) / 255.0) as f32;
    // Subnormal scales would lose their precision.
    if scale < f32::MIN_POSITIVE {
        return Quantization::per_tensor(1.0, 0);
    }
    let zero_point = (-128.0 - min / f64::from(scale)).round().clamp(-128.0, 127.0);
    Quantization::per_tensor(scale, zero_point as i32)
}

/// The scales of symmetric weights in [-most, most], one for each channel: `max |w| / most`, with 127 for int8
/// and 7 for int4. Channels of zeros get scale 1. `channels` tells the channel of each value, of `count` in
/// all; `least` the smallest scale that each may have, where there is one.
pub fn weights(
    values: &[f32],
    channels: impl Iterator<Item = usize>,
    count: usize,
    axis: usize,
    least: &[f32],
    most: f32,
) -> Quantization {
    let mut largest = vec![0f32; count];
    for (&w, channel) in values.iter().zip(channels) {
        if let Some(largest) = largest.get_mut(channel) {
            *largest = largest.max(w.abs());
        }
    }
    let scale = |(channel, m): (usize, f32)| {
        let scale = (m / most).max(least.get(channel).copied().unwrap_or(0.0));
        if scale < f32::MIN_POSITIVE { 1.0 } else { scale }
    };
    Quantization::symmetric(largest.into_iter().enumerate().map(scale).collect(), axis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_widened_to_hold_zero() {
        let q = activation(Range { min: 0.5, max: 2.55 });
        assert_eq!((q.scales, q.zero_points), (vec![0.01], vec![-128]));
        let q = activation(Range { min: -2.55, max: -1.0 });
        assert_eq!((q.scales, q.zero_points), (vec![0.01], vec![127]));
        // -1.27 / 0.01 below -128.
        let q = activation(Range { min: -1.27, max: 1.28 });
        assert_eq!((q.scales, q.zero_points), (vec![0.01], vec![-1]));
        let q = activation(Range { min: 0.0, max: 0.0 });
        assert_eq!((q.scales, q.zero_points), (vec![1.0], vec![0]));
    }

    #[test]
    fn each_channel_has_its_scale() {
        let q = weights(&[1.27, 0.0, -2.54, 0.0], [0, 1, 0, 1].into_iter(), 2, 3, &[], 127.0);
        assert_eq!((q.scales, q.zero_points, q.axis), (vec![0.02, 1.0], vec![0, 0], 3));
    }
}
