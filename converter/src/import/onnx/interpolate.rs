//! Resizing along one dimension as a product with a matrix: each position of the result is a weighted sum of positions
//! of the source. It does what no operator of the format does: cubic kernels, antialiasing, other coordinates.

use super::Importer;
use super::call::Call;
use super::resize::{Change, coordinate};
use super::value::Value;
use crate::Failure;

/// The most elements of a matrix.
const MAX_MATRIX: usize = 1 << 24;

/// How far a position is from the sample, in positions, gives its weight.
#[derive(Clone, Copy)]
enum Kernel {
    Linear,
    /// Keys' cubic convolution with this parameter.
    Cubic(f64),
}

impl Kernel {
    fn reach(self) -> f64 {
        match self {
            Self::Linear => 1.0,
            Self::Cubic(_) => 2.0,
        }
    }

    fn weight(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Self::Linear => (1.0 - x).max(0.0),
            Self::Cubic(a) if x <= 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
            Self::Cubic(a) if x < 2.0 => ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a,
            Self::Cubic(_) => 0.0,
        }
    }
}

/// `[to, from]`: what each position of the source counts at each position of the result.
fn matrix(call: &Call<'_>, change: &Change, mode: &str, kernel: Kernel) -> Option<Vec<f32>> {
    let shrink = if call.int("antialias", 0) != 0 { change.scale.min(1.0) } else { 1.0 };
    let leaves_out = call.int("exclude_outside", 0) != 0;
    let (reach, last) = (kernel.reach() / shrink, change.from as i64 - 1);
    let mut all = Vec::new();
    for x in 0..change.to {
        let at = coordinate(mode, change, x)?;
        let mut row = vec![0.0; change.from];
        for i in (at - reach).floor() as i64..=(at + reach).ceil() as i64 {
            let inside = (0..=last).contains(&i);
            if let Some(weight) = row.get_mut(i.clamp(0, last) as usize).filter(|_| inside || !leaves_out) {
                *weight += kernel.weight((i as f64 - at) * shrink);
            }
        }
        let sum: f64 = row.iter().sum();
        all.extend(row.iter().map(|w| (w / sum) as f32));
    }
    Some(all)
}

/// The value resized along all dimensions that change.
pub(super) fn interpolated(
    importer: &mut Importer<'_>,
    call: &Call<'_>,
    value: &Value,
    changes: &[Change],
    coordinates: &str,
) -> Result<Value, Failure> {
    let kernel = match call.text("mode", "linear") {
        "cubic" => Kernel::Cubic(call.float("cubic_coeff_a", -0.75).into()),
        _ => Kernel::Linear,
    };
    let mut value = value.clone();
    let last = changes.len().saturating_sub(1);
    for (axis, change) in changes.iter().enumerate() {
        if change.from == change.to && change.scale == 1.0 {
            continue;
        }
        if change.from.saturating_mul(change.to) > MAX_MATRIX {
            return call.refuse(format!("from {} to {} positions is too much", change.from, change.to));
        }
        let Some(weights) = matrix(call, change, coordinates, kernel) else {
            return call.refuse(format!("resizing with coordinates '{coordinates}' is not supported"));
        };
        let name = call.part(&format!("dimension {axis}"));
        let weights =
            importer.builder.floats(&format!("{name}/weights"), &[change.to, change.from], &weights)?;
        let weights = importer.new_value(weights);
        value.axes.swap(axis, last);
        value = importer.connected(&name, &value, &weights, None)?;
        value.axes.swap(axis, last);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::Kernel;

    #[test]
    fn kernels_sum_to_one() {
        for kernel in [Kernel::Linear, Kernel::Cubic(-0.75), Kernel::Cubic(-0.5)] {
            for at in [0.0, 0.25, 0.5, 0.9] {
                let sum: f64 = (-3..=4).map(|i| kernel.weight(f64::from(i) - at)).sum();
                assert!((sum - 1.0).abs() < 1e-12, "{sum}");
            }
        }
    }

    #[test]
    fn cubic_weights_are_those_worked_out_by_hand() {
        // Keys, half way between two positions, a = -0.5: -1/16, 9/16, 9/16, -1/16.
        let kernel = Kernel::Cubic(-0.5);
        assert_eq!([1.5, 0.5].map(|d| kernel.weight(d)), [-0.0625, 0.5625]);
    }
}
