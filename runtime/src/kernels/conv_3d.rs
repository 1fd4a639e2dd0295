//! CONV_3D, in floats. Source: LiteRT's reference `conv3d.h`.

use sedge_schema::Refusal;
use sedge_schema::op::{Conv3d, NodeExt as _, Window};

use super::filter::Inputs;
use super::shared::volume::{self, Walk};
use crate::node::{Invoke, Prepare};

pub(super) fn prepare(op: Conv3d, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let volume = node.input(0)?;
    let windows = op.windows(&volume, &node.input(1)?)?;
    volume::prepare(node, Inputs::USUAL, &volume, windows, op.activation)
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    volume::invoke::<Conv3d>(node, Inputs::USUAL)
}

/// The windows move over the input.
impl Walk for Conv3d {
    fn sizes(window: &Window, volume: usize) -> (usize, usize) {
        (volume, window.output)
    }

    fn under(window: &Window, volume: usize, at: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
        let Window { stride, dilation, before, .. } = *window;
        window.inside(at, volume).map(move |k| (k, at * stride + k * dilation - before))
    }

    /// Weights `[channels, filters]`.
    fn add(voxel: &[f32], weights: &[f32], sums: &mut [f32]) {
        for (&x, row) in voxel.iter().zip(weights.chunks_exact(sums.len().max(1))) {
            sums.iter_mut().zip(row).for_each(|(sum, &w)| *sum += x * w);
        }
    }
}
