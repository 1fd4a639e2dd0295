//! Convolutions over volumes, in floats: what CONV_3D and CONV_3D_TRANSPOSE have in common.
//!
//! Each voxel of the output starts with the bias; for each cell of the window that lies on a voxel of the
//! input, the products of that voxel's channels with the weights of the cell are added.

use bytemuck::{Pod, Zeroable};
use sedge_schema::op::{Activation, Node as _, Window};
use sedge_schema::{Refusal, Shape, Slot, TensorType};

use super::OUTPUT;
use crate::kernels::filter::{Axis, FloatRange, Inputs};
use crate::node::{Invoke, Prepare};

/// The sizes of both volumes.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Volume {
    windows: [Axis; 3],
    batch: u32,
    /// Channels of the input.
    channels: u32,
    /// Channels of the output.
    filters: u32,
    range: FloatRange,
}

/// Prepares the convolution; `volume` is the one that the windows move over, the input or the output.
pub(crate) fn prepare(
    node: &mut Prepare<'_>,
    inputs: Inputs,
    volume: &Shape,
    windows: [Window; 3],
    activation: Activation,
) -> Result<(), Refusal> {
    let image = Slot::Input(inputs.image as u8);
    let bias = Slot::Input(inputs.bias as u8);
    for slot in [image, Slot::Input(1), bias, OUTPUT] {
        if node.has(slot) {
            node.type_in(slot, &[TensorType::Float32])?;
        }
    }
    let axes = [(1, windows[0]), (2, windows[1]), (3, windows[2])];
    node.set_data(Volume {
        windows: axes.map(|(axis, window)| Axis::new(window, volume.dim(axis))),
        batch: volume.dim(0) as u32,
        channels: node.shape(image)?.dim(4) as u32,
        filters: node.shape(OUTPUT)?.dim(4) as u32,
        range: FloatRange::of(activation)?,
    })
}

/// A way to go over volumes.
pub(crate) trait Walk {
    /// The sizes of the input and of the output along an axis.
    fn sizes(window: &Window, volume: usize) -> (usize, usize);

    /// For place `at` of the output, the cells of the window and the places of the input under them.
    fn under(window: &Window, volume: usize, at: usize) -> impl Iterator<Item = (usize, usize)> + Clone;

    /// Adds the products of a voxel with the weights of a cell.
    fn add(voxel: &[f32], weights: &[f32], sums: &mut [f32]);
}

/// Runs the convolution.
pub(crate) fn invoke<W: Walk>(node: &mut Invoke<'_>, inputs: Inputs) -> Result<(), Refusal> {
    let data = *node.data::<Volume>()?;
    let out = node.output::<f32>(0)?;
    let (x, weights) = (node.input::<f32>(inputs.image)?, node.input::<f32>(1)?);
    let bias = node.optional_input::<f32>(inputs.bias)?;
    let [slices, rows, columns] = data.windows.map(|axis| (axis.window(), axis.input as usize));
    let size = |(window, volume): &(Window, usize)| W::sizes(window, *volume);
    let ((depth, out_depth), (height, out_height), (width, out_width)) =
        (size(&slices), size(&rows), size(&columns));
    let (channels, filters) = (data.channels as usize, data.filters as usize);
    let part = |list: &'_ [f32], at: usize, length: usize| -> core::ops::Range<usize> {
        let start = (at * length).min(list.len());
        start..(start + length).min(list.len())
    };
    if out.is_empty() {
        return Ok(());
    }
    for (position, out) in out.chunks_exact_mut(filters.max(1)).enumerate() {
        // None of them is 0 where there are outputs.
        let split = |n: usize, by: usize| (n / by.max(1), n % by.max(1));
        let (rest, column) = split(position, out_width);
        let (rest, row) = split(rest, out_height);
        let (image, slice) = split(rest, out_depth);
        match bias {
            Some(bias) => super::copy_slice(bias, out)?,
            None => out.fill(0.0),
        }
        let under_column = W::under(&columns.0, columns.1, column);
        for (h, z) in W::under(&slices.0, slices.1, slice) {
            for (i, y) in W::under(&rows.0, rows.1, row) {
                for (j, x_at) in under_column.clone() {
                    let voxel = ((image * depth + z) * height + y) * width + x_at;
                    let cell = (h * rows.0.kernel + i) * columns.0.kernel + j;
                    let voxel = x.get(part(x, voxel, channels)).unwrap_or_default();
                    let weights = weights.get(part(weights, cell, channels * filters));
                    W::add(voxel, weights.unwrap_or_default(), out);
                }
            }
        }
        out.iter_mut().for_each(|y| *y = data.range.clamp(*y));
    }
    Ok(())
}
