//! Boxes: top, left, bottom, right.

use sedge_schema::{Refusal, Slot};

use super::{Data, Values};

/// Decodes all boxes.
///
/// # Errors
/// Where one has no area: the model's values make no sense.
pub(super) fn decode(
    data: &Data,
    encoded: &Values<'_>,
    anchors: &Values<'_>,
    to: &mut [[f32; 4]],
) -> Result<(), Refusal> {
    let [y_scale, x_scale, h_scale, w_scale] = data.scales.map(f64::from);
    for (i, to) in to.iter_mut().enumerate() {
        let coordinate = |k: usize| f64::from(encoded.get(i * data.coordinates as usize + k));
        let anchor = |k: usize| f64::from(anchors.get(4 * i + k));
        let centre = |k: usize, scale: f64| (coordinate(k) / scale * anchor(k + 2) + anchor(k)) as f32;
        let half = |k: usize, scale: f64| (0.5 * libm::exp(coordinate(k) / scale) * anchor(k)) as f32;
        let (y, x) = (centre(0, y_scale), centre(1, x_scale));
        let (height, width) = (half(2, h_scale), half(3, w_scale));
        *to = [y - height, x - width, y + height, x + width];
        let [top, left, bottom, right] = *to;
        if top >= bottom || left >= right {
            return Err(Refusal::Value(Slot::Input(0)));
        }
    }
    Ok(())
}

/// The intersection of two boxes over their union.
pub(super) fn overlap(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let area = |[top, left, bottom, right]: &[f32; 4]| (bottom - top) * (right - left);
    let (of_a, of_b) = (area(a), area(b));
    if of_a <= 0.0 || of_b <= 0.0 {
        return 0.0;
    }
    let ([a_top, a_left, a_bottom, a_right], [b_top, b_left, b_bottom, b_right]) = (a, b);
    let height = (a_bottom.min(*b_bottom) - a_top.max(*b_top)).max(0.0);
    let width = (a_right.min(*b_right) - a_left.max(*b_left)).max(0.0);
    height * width / (of_a + of_b - height * width)
}
