//! Products of float32 matrices.

use crate::sys;

/// `to[r] = sum over c of matrix[r * columns + c] * vector[c]`, a float32 matrix of `to.len()` rows and `vector.len()` columns, each
/// at most 65,535.
///
/// Returns `None`, and leaves `to`, where the lengths do not fit each other.
///
/// Source: `arm_mat_vec_mult_f32` of CMSIS-DSP.
#[must_use]
pub fn times_vector(matrix: &[f32], vector: &[f32], to: &mut [f32]) -> Option<()> {
    sys::product(matrix, vector, to)
}
