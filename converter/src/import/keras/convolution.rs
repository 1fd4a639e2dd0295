//! Convolutions over one or two dimensions.

use sedge_schema::op::Padding;

use super::config::{Layer, pair};
use super::{Handler, Importer, ensure_channels_last, only};
use crate::Failure;
use crate::graph::TensorId;
use crate::import::layers::Window;

pub(super) fn handler(class: &str) -> Option<Handler> {
    Some(match class {
        "Conv1D" | "Conv2D" => convolution,
        "Conv1DTranspose" | "Conv2DTranspose" => transposed,
        "DepthwiseConv1D" | "DepthwiseConv2D" => depthwise,
        "SeparableConv1D" | "SeparableConv2D" => separable,
        _ => return None,
    })
}

/// What all of them have: how far windows reach and move, an image of one row where there is one dimension.
struct Geometry {
    spatial: usize,
    window: Window,
}

impl Geometry {
    fn of(layer: &Layer) -> Result<Self, Failure> {
        ensure_channels_last(layer)?;
        let spatial = if layer.class.contains("1D") { 1 } else { 2 };
        let padding = match layer.text("padding", "valid") {
            "same" => Padding::Same,
            "valid" => Padding::Valid,
            // Causal padding is put before the layer.
            "causal" if spatial == 1 => Padding::Valid,
            other => return Err(Failure::new(format!("padding '{other}' is not supported"))),
        };
        let stride = pair(&layer.sizes_or_ones("strides", spatial)?);
        let dilation = pair(&layer.sizes_or_ones("dilation_rate", spatial)?);
        Ok(Self { spatial, window: Window { stride, dilation, padding } })
    }
}

impl Importer<'_> {
    /// A line as an image of one row.
    fn image(&mut self, layer: &Layer, x: TensorId, geometry: &Geometry) -> Result<TensorId, Failure> {
        let dims = self.dims(x);
        match (geometry.spatial, dims.as_slice()) {
            (2, [_, _, _, _]) => Ok(x),
            (1, &[batch, length, channels]) => {
                let image =
                    self.reshape(&format!("{}/image", layer.name), x, &[batch, 1, length, channels])?;
                if layer.text("padding", "valid") != "causal" {
                    return Ok(image);
                }
                let kernel = layer.sizes("kernel_size", 1)?.first().copied().unwrap_or(1);
                let before = kernel.saturating_sub(1) * geometry.window.dilation[1].unsigned_abs() as usize;
                self.padded(&format!("{}/padded", layer.name), image, &[[0, 0], [0, 0], [before, 0], [0, 0]])
            }
            _ => Err(Failure::new(format!("its input has the shape {dims:?}"))),
        }
    }

    /// An image of one row as a line.
    fn image_back(
        &mut self,
        layer: &Layer,
        image: TensorId,
        geometry: &Geometry,
    ) -> Result<TensorId, Failure> {
        let dims = self.dims(image);
        match (geometry.spatial, dims.as_slice()) {
            (1, &[batch, 1, length, channels]) => {
                self.reshape(&format!("{}/line", layer.name), image, &[batch, length, channels])
            }
            _ => Ok(image),
        }
    }

    /// What a layer gives for the image that it made: as a line where it was one, with its activation.
    fn finished(&mut self, layer: &Layer, image: TensorId, geometry: &Geometry) -> Result<TensorId, Failure> {
        let result = self.image_back(layer, image, geometry)?;
        self.activated(&format!("{}/activated", layer.name), result, layer.text("activation", "linear"))
    }

    /// The bias of a layer, zeros where it has none.
    pub(super) fn bias(&mut self, layer: &Layer, units: usize, order: &[&str]) -> Result<TensorId, Failure> {
        let values = match layer.flag("use_bias", true) {
            true => self.weight(layer, "bias", order)?.1,
            false => vec![0.0; units],
        };
        self.builder.floats(&format!("{}/bias", layer.name), &[units], &values)
    }

    /// The weights of a role as a kernel; one over one dimension is one of one row.
    fn kernel(&mut self, layer: &Layer, role: &str, order: &[&str]) -> Result<TensorId, Failure> {
        let (mut dims, values) = self.weight(layer, role, order)?;
        if dims.len() == 3 {
            dims.insert(0, 1);
        }
        self.builder.floats(&format!("{}/{role}", layer.name), &dims, &values)
    }
}

fn convolution(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let order = ["kernel", "bias"];
    let geometry = Geometry::of(layer)?;
    let image = importer.image(layer, only(inputs)?, &geometry)?;
    let kernel = importer.kernel(layer, "kernel", &order)?;
    let bias = importer.bias(layer, layer.size("filters")?, &order)?;
    let result = importer.builder.convolved(&layer.name, [image, kernel, bias], &geometry.window)?;
    importer.finished(layer, result, &geometry)
}

fn depthwise(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let order = ["kernel", "bias"];
    let geometry = Geometry::of(layer)?;
    let image = importer.image(layer, only(inputs)?, &geometry)?;
    // Keras 2 has a name of its own for it.
    let kernel = importer
        .kernel(layer, "kernel", &order)
        .or_else(|_| importer.kernel(layer, "depthwise_kernel", &[]))?;
    let [.., channels, multiplier] = importer.builder.kernel_dims(kernel)?;
    let bias = importer.bias(layer, channels * multiplier, &order)?;
    let result =
        importer.builder.depthwise_convolved(&layer.name, [image, kernel, bias], &geometry.window)?;
    importer.finished(layer, result, &geometry)
}

fn separable(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let order = ["depthwise_kernel", "pointwise_kernel", "bias"];
    let geometry = Geometry::of(layer)?;
    let image = importer.image(layer, only(inputs)?, &geometry)?;
    let first = importer.kernel(layer, order[0], &order)?;
    let second = importer.kernel(layer, order[1], &order)?;
    let [.., channels, multiplier] = importer.builder.kernel_dims(first)?;
    let channels = channels * multiplier;
    let none =
        importer.builder.floats(&format!("{}/no bias", layer.name), &[channels], &vec![0.0; channels])?;
    let name = format!("{}/depthwise", layer.name);
    let apart = importer.builder.depthwise_convolved(&name, [image, first, none], &geometry.window)?;
    let bias = importer.bias(layer, layer.size("filters")?, &order)?;
    let result = importer.builder.convolved(&layer.name, [apart, second, bias], &Window::EVERYWHERE)?;
    importer.finished(layer, result, &geometry)
}

fn transposed(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let order = ["kernel", "bias"];
    let geometry = Geometry::of(layer)?;
    let window = &geometry.window;
    let image = importer.image(layer, only(inputs)?, &geometry)?;
    if window.dilation != [1, 1] || !layer.config["output_padding"].is_null() {
        return Err(Failure::new("dilation and output_padding are not supported"));
    }
    let kernel = importer.kernel(layer, "kernel", &order)?;
    let [rows, columns, filters, _] = importer.builder.kernel_dims(kernel)?;
    let &[batch, high, wide, _] = importer.dims(image).as_slice() else {
        return Err(Failure::new("its input is no image"));
    };
    let made = |size: usize, kernel: usize, stride: i32| match window.padding {
        Padding::Same => size as i32 * stride,
        Padding::Valid => size as i32 * stride + (kernel as i32 - stride).max(0),
    };
    let (high, wide) = (made(high, rows, window.stride[0]), made(wide, columns, window.stride[1]));
    let shape = [batch as i32, high, wide, filters as i32];
    let shape = importer.builder.ints(&format!("{}/shape", layer.name), &shape)?;
    let bias = importer.bias(layer, filters, &order)?;
    let result = importer.builder.transpose_convolved(&layer.name, [shape, kernel, image, bias], window)?;
    importer.finished(layer, result, &geometry)
}
