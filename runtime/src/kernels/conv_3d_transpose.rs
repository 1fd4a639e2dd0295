//! CONV_3D_TRANSPOSE, in floats. Source: LiteRT's reference `conv3d_transpose.h`.

use sedge_schema::Refusal;
use sedge_schema::op::{Conv3dTranspose, Node as _, NodeExt as _, Window};

use super::filter::Inputs;
use super::shared::OUTPUT;
use super::shared::volume::{self, Walk};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: Conv3dTranspose, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let output = node.shape(OUTPUT)?;
    let windows = op.windows(&output, &node.input(1)?, &node.input(2)?)?;
    volume::prepare(node, Inputs::TRANSPOSED, &output, windows, op.activation)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    volume::invoke::<Conv3dTranspose>(node, Inputs::TRANSPOSED)
}

/// The windows move over the output.
impl Walk for Conv3dTranspose {
    fn sizes(window: &Window, volume: usize) -> (usize, usize) {
        (window.output, volume)
    }

    fn under(window: &Window, _volume: usize, at: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
        window.covering(at)
    }

    /// Weights `[filters, channels]`.
    fn add(voxel: &[f32], weights: &[f32], sums: &mut [f32]) {
        for (sum, row) in sums.iter_mut().zip(weights.chunks_exact(voxel.len().max(1))) {
            *sum = voxel.iter().zip(row).fold(*sum, |sum, (&x, &w)| sum + x * w);
        }
    }
}
