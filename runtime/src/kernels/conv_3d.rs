//! CONV_3D, in floats. Source: LiteRT's reference `conv3d.h`.

use bytemuck::{Pod, Zeroable};
use sedge_schema::Refusal;
use sedge_schema::op::{Conv3d, NodeExt as _};

use super::shared::volume::{self, Volume};
use crate::node::{Invoke, Prepare};

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Data {
    volume: Volume,
}

pub(super) fn prepare(op: Conv3d, node: &mut Prepare<'_>) -> Result<(), Refusal> {
    let (volume, weights) = (node.input(0)?, node.input(1)?);
    let windows = op.windows(&volume, &weights)?;
    volume::check_types(node, [0, 1, 2])?;
    let channels = (weights.dim(3), weights.dim(4));
    node.set_data(Data { volume: Volume::new(&volume, windows, channels, op.activation)? })
}

pub(super) fn invoke(node: &mut Invoke<'_>) -> Result<(), Refusal> {
    let Data { volume } = *node.data()?;
    let out = node.output::<f32>(0)?;
    let (x, w) = (node.input::<f32>(0)?, node.input::<f32>(1)?);
    let bias = node.optional_input::<f32>(2)?;
    volume.each_position(out, bias, |batch, position, out| {
        volume.each_inside(batch, position, |at, tap| {
            let pixel = volume.channels(x, at);
            // The weights of a tap: a row of filters for each channel.
            let rows = w.chunks_exact(volume.filters()).skip(tap * volume.depth());
            for (&x, row) in pixel.iter().zip(rows) {
                out.iter_mut().zip(row).for_each(|(sum, &w)| *sum += x * w);
            }
        });
    })
}
