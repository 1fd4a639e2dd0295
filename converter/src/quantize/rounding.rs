//! Rounding weights so that their errors make up for each other.
//!
//! The nearest integer is the best for a weight alone, not for the sum of products that it is part of. Where the inputs
//! of two weights vary together, the error of one is taken off the other before that is rounded. With `H` the covariance
//! of the inputs and `H = R^T R`, `R` upper triangular, this is done from the last weight to the first:
//!
//! ```text
//! rounded[i] = scale * round((w[i] + sum over j > i of R[i][j] / R[i][i] * (w[j] - rounded[j])) / scale)
//! ```
//!
//! which is Babai's nearest plane algorithm, and what GPTQ does (Frantar et al., 2022; Chen et al., The Geometry of LLM
//! Quantization: GPTQ as Babai's Nearest Plane Algorithm, 2025).

use sedge_schema::op::Op;

use crate::calibrate::Moments;
use crate::graph::{Quantization, Tensor};

/// The share of the mean variance that is added to each variance, so that inputs that hardly vary do not decide.
const DAMPING: f64 = 0.01;

/// The real values of `tensor` moved onto the grid of `q`, which reaches from `-most` to `most`; `None` where nothing is
/// known of the inputs that its weights meet.
pub(super) fn balanced(
    op: &Op,
    tensor: &Tensor,
    values: &[f32],
    q: &Quantization,
    most: f64,
    moments: &Moments,
) -> Option<Vec<f32>> {
    let mut result = values.to_vec();
    let channels: Vec<usize> = tensor.channels(q.axis).collect();
    let depthwise = match op {
        Op::DepthwiseConv2d(op) => Some(usize::try_from(op.depth_multiplier).ok().filter(|&m| m != 0)?),
        _ => None,
    };
    let filters = if depthwise.is_some() { tensor.shape.last() } else { tensor.shape.dim(0) };
    let per_filter = values.len().checked_div(filters)?;
    let mut start = 0;
    for (k, (size, mut matrix)) in moments.covariances().enumerate() {
        let factor = damp(&mut matrix, size).then(|| cholesky(&matrix, size)).flatten();
        for filter in 0..filters {
            if depthwise.is_some_and(|multiplier| filter / multiplier != k) {
                continue;
            }
            let at = |i: usize| match depthwise {
                Some(_) => i * filters + filter,
                None => filter * per_filter + start + i,
            };
            let Some(factor) = &factor else { continue };
            let real: Vec<f64> =
                (0..size).map(|i| values.get(at(i)).copied().map(f64::from)).collect::<Option<_>>()?;
            let scale = f64::from(q.scale_at(*channels.get(at(0))?));
            let round = |x: f64| (x / scale).round().clamp(-most, most) * scale;
            let found = nearest_plane(&real, factor, round);
            let nearest: Vec<f64> = real.iter().map(|&x| round(x)).collect();
            if error(&real, &found, factor) < error(&real, &nearest, factor) {
                for (i, x) in found.iter().enumerate() {
                    *result.get_mut(at(i))? = *x as f32;
                }
            }
        }
        start += size;
    }
    Some(result)
}

/// Adds to each variance; whether there is any.
fn damp(matrix: &mut [f64], n: usize) -> bool {
    let mean = matrix.iter().step_by(n + 1).sum::<f64>() / n as f64;
    matrix.iter_mut().step_by(n + 1).for_each(|v| *v += DAMPING * mean);
    mean > 0.0 && mean.is_finite()
}

/// `R`, upper triangular, row after row, with `R^T R = matrix`; `None` where the matrix is not positive definite.
fn cholesky(matrix: &[f64], n: usize) -> Option<Vec<f64>> {
    let mut r = vec![0.0; n * n];
    for i in 0..n {
        // Row i of what is left when the rows before it are taken off.
        let mut row = matrix.get(i * n + i..(i + 1) * n)?.to_vec();
        for above in r.chunks_exact(n).take(i) {
            let above = above.get(i..)?;
            let first = *above.first()?;
            row.iter_mut().zip(above).for_each(|(x, a)| *x -= first * a);
        }
        let root = row.first().copied().filter(|&v| v > 0.0)?.sqrt();
        r.get_mut(i * n + i..(i + 1) * n)?.iter_mut().zip(&row).for_each(|(to, x)| *to = x / root);
    }
    Some(r)
}

fn nearest_plane(real: &[f64], factor: &[f64], round: impl Fn(f64) -> f64) -> Vec<f64> {
    let n = real.len();
    let mut found = vec![0.0; n];
    let mut errors = vec![0.0; n];
    for (i, row) in factor.chunks_exact(n).enumerate().rev() {
        let (Some((&diagonal, right)), Some(behind)) =
            (row.get(i..).and_then(<[f64]>::split_first), errors.get(i + 1..))
        else {
            continue;
        };
        let passed_on = right.iter().zip(behind).map(|(r, e)| r * e).sum::<f64>() / diagonal;
        let x = real.get(i).copied().unwrap_or(0.0);
        let rounded = round(x + passed_on);
        if let (Some(to), Some(error)) = (found.get_mut(i), errors.get_mut(i)) {
            *to = rounded;
            *error = x - rounded;
        }
    }
    found
}

/// The variance of the sum's error: the square of `R (real - rounded)`.
fn error(real: &[f64], rounded: &[f64], factor: &[f64]) -> f64 {
    let errors: Vec<f64> = real.iter().zip(rounded).map(|(a, b)| a - b).collect();
    let row = |row: &[f64]| row.iter().zip(&errors).map(|(r, e)| r * e).sum::<f64>();
    factor.chunks_exact(real.len().max(1)).map(|r| row(r).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_multiply_to_the_matrix() {
        // By hand: [[4, 2], [2, 10]] = R^T R with R = [[2, 1], [0, 3]].
        assert_eq!(cholesky(&[4.0, 2.0, 2.0, 10.0], 2), Some(vec![2.0, 1.0, 0.0, 3.0]));
        assert_eq!(cholesky(&[1.0, 2.0, 2.0, 1.0], 2), None);
    }

    #[test]
    fn errors_of_equal_inputs_cancel() {
        // Two inputs that are nearly the same: 0.4 + 0.4 is nearer to 1 + 0 than to 0 + 0.
        let factor = cholesky(&[1.0, 0.99, 0.99, 1.0], 2).unwrap();
        let found = nearest_plane(&[0.4, 0.4], &factor, f64::round);
        assert_eq!(found, [1.0, 0.0]);
        assert!(error(&[0.4, 0.4], &found, &factor) < error(&[0.4, 0.4], &[0.0, 0.0], &factor));
    }
}
