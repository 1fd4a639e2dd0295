//! Products of weights with vectors in floats, the weights being floats or int8.

use sedge_schema::Refusal;
use sedge_simd::Level;

use crate::kernels::filter::hybrid::{Mode, quantize};
use crate::kernels::shared::dot::Rows;
use crate::node::Invoke;

/// Weights row by row.
#[derive(Clone, Copy)]
pub(super) enum Matrix<'n> {
    Float(&'n [f32]),
    /// With what a step is worth.
    Int8(&'n [i8], f32),
}

impl<'n> Matrix<'n> {
    /// The weights in input `slot`; `scale` is that of int8 ones. None where they are left out.
    pub(super) fn of(node: &'n Invoke<'_>, slot: u32, scale: Option<f32>) -> Result<Self, Refusal> {
        let slot = slot as usize;
        Ok(match scale {
            _ if !node.has_input(slot) => Self::Float(&[]),
            Some(scale) => Self::Int8(node.input(slot)?, scale),
            None => Self::Float(node.input(slot)?),
        })
    }

    /// Adds the products with `x`, element by element: a diagonal matrix.
    pub(super) fn add_diagonal(&self, x: &[f32], sums: &mut [f32]) {
        let sums = sums.iter_mut().zip(x);
        match *self {
            Self::Float(w) => sums.zip(w).for_each(|((sum, &x), &w)| *sum += w * x),
            Self::Int8(w, scale) => sums.zip(w).for_each(|((sum, &x), &w)| *sum += scale * f32::from(w) * x),
        }
    }
}

/// A vector that matrices are multiplied with.
#[derive(Clone, Copy)]
pub(super) struct Operand<'v> {
    real: &'v [f32],
    /// The same in int8, for int8 weights.
    quantized: &'v [i8],
    scale: f32,
    zero: i32,
}

impl<'v> Operand<'v> {
    /// `real`, quantized into the start of `memory` where there is a mode for it.
    pub(super) fn new(level: Level, real: &'v [f32], memory: &'v mut [i8], mode: Option<Mode>) -> Self {
        let Some(mode) = mode else { return Self { real, quantized: &[], scale: 1.0, zero: 0 } };
        let length = real.len().min(memory.len());
        let quantized = memory.get_mut(..length).unwrap_or_default();
        let (scale, zero) = quantize(level, real, mode, quantized);
        Self { real, quantized, scale, zero }
    }
}

/// Adds the products of the matrix's rows with `x` to `sums`.
pub(super) fn accumulate(level: Level, matrix: Matrix<'_>, x: &Operand<'_>, sums: &mut [f32]) {
    let add = |i: usize, product: f32, sums: &mut [f32]| {
        if let Some(sum) = sums.get_mut(i) {
            *sum += product;
        }
    };
    match matrix {
        Matrix::Float(rows) => level.run(Rows { x: x.real, zero: 0, rows, f: |i, sum| add(i, sum, sums) }),
        Matrix::Int8(rows, scale) => {
            let scale = scale * x.scale;
            let f = |i, sum: i32| add(i, sum as f32 * scale, sums);
            level.run(Rows { x: x.quantized, zero: x.zero as i16, rows, f });
        }
    }
}
