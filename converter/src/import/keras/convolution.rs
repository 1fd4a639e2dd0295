//! Convolutions over one or two dimensions.

use sedge_schema::op::{Conv2d, DepthwiseConv2d, Padding, TransposeConv};

use super::config::Layer;
use super::{Handler, Importer, ensure_channels_last, only};
use crate::Failure;
use crate::graph::TensorId;

pub(super) fn handler(class: &str) -> Option<Handler> {
    Some(match class {
        "Conv1D" | "Conv2D" => convolution,
        "Conv2DTranspose" => transposed,
        "DepthwiseConv1D" | "DepthwiseConv2D" => depthwise,
        "SeparableConv1D" | "SeparableConv2D" => separable,
        _ => return None,
    })
}

/// What all of them have: how far windows reach and move, an image of one row where there is one dimension.
struct Geometry {
    spatial: usize,
    stride: [i32; 2],
    dilation: [i32; 2],
    padding: Padding,
}

impl Geometry {
    fn of(layer: &Layer) -> Result<Self, Failure> {
        ensure_channels_last(layer)?;
        let spatial = if layer.class.ends_with("1D") { 1 } else { 2 };
        let pair = |sizes: Vec<usize>| match *sizes.as_slice() {
            [one] => [1, one as i32],
            [rows, columns] => [rows as i32, columns as i32],
            _ => [1, 1],
        };
        let padding = match layer.text("padding", "valid") {
            "same" => Padding::Same,
            "valid" => Padding::Valid,
            // Causal padding is put before the layer.
            "causal" if spatial == 1 => Padding::Valid,
            other => return Err(Failure::new(format!("padding '{other}' is not supported"))),
        };
        Ok(Self {
            spatial,
            stride: pair(layer.sizes_or_ones("strides", spatial)?),
            dilation: pair(layer.sizes_or_ones("dilation_rate", spatial)?),
            padding,
        })
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
                let before = kernel.saturating_sub(1) * geometry.dilation[1].unsigned_abs() as usize;
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

    /// The bias of a layer, zeros where it has none.
    pub(super) fn bias(&mut self, layer: &Layer, units: usize, order: &[&str]) -> Result<TensorId, Failure> {
        let values = match layer.flag("use_bias", true) {
            true => self.weight(layer, "bias", order)?.1,
            false => vec![0.0; units],
        };
        self.builder.floats(&format!("{}/bias", layer.name), &[units], &values)
    }

    fn convolved(
        &mut self,
        name: &str,
        image: TensorId,
        (dims, values): (Vec<usize>, Vec<f32>),
        bias: TensorId,
        geometry: &Geometry,
    ) -> Result<TensorId, Failure> {
        let dims = with_rows(dims)?;
        let filters = dims[3];
        // `[rows, columns, channels, filters]` becomes `[filters, rows, columns, channels]`.
        let inner = values.len().checked_div(filters).unwrap_or(0);
        let moved: Vec<f32> = (0..values.len())
            .map(|i| values.get(i % inner * filters + i / inner).copied().unwrap_or(0.0))
            .collect();
        let kernel =
            self.builder.floats(&format!("{name}/kernel"), &[filters, dims[0], dims[1], dims[2]], &moved)?;
        let op = Conv2d {
            padding: geometry.padding,
            stride_h: geometry.stride[0],
            stride_w: geometry.stride[1],
            dilation_h: geometry.dilation[0],
            dilation_w: geometry.dilation[1],
            ..Conv2d::default()
        };
        self.emit(name, op, &[image, kernel, bias])
    }

    fn depthwise_convolved(
        &mut self,
        name: &str,
        image: TensorId,
        (dims, values): (Vec<usize>, Vec<f32>),
        bias: TensorId,
        geometry: &Geometry,
    ) -> Result<TensorId, Failure> {
        let [rows, columns, channels, multiplier] = with_rows(dims)?;
        let kernel = self.builder.floats(
            &format!("{name}/kernel"),
            &[1, rows, columns, channels * multiplier],
            &values,
        )?;
        let op = DepthwiseConv2d {
            padding: geometry.padding,
            stride_h: geometry.stride[0],
            stride_w: geometry.stride[1],
            dilation_h: geometry.dilation[0],
            dilation_w: geometry.dilation[1],
            depth_multiplier: multiplier as i32,
            ..DepthwiseConv2d::default()
        };
        self.emit(name, op, &[image, kernel, bias])
    }
}

/// A kernel over one dimension is one of one row.
fn with_rows(dims: Vec<usize>) -> Result<[usize; 4], Failure> {
    match *dims.as_slice() {
        [columns, channels, filters] => Ok([1, columns, channels, filters]),
        [rows, columns, channels, filters] => Ok([rows, columns, channels, filters]),
        _ => Err(Failure::new(format!("its kernel has the shape {dims:?}"))),
    }
}

fn convolution(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let geometry = Geometry::of(layer)?;
    let image = importer.image(layer, only(inputs)?, &geometry)?;
    let kernel = importer.weight(layer, "kernel", &["kernel", "bias"])?;
    let bias = importer.bias(layer, layer.size("filters")?, &["kernel", "bias"])?;
    let result = importer.convolved(&layer.name, image, kernel, bias, &geometry)?;
    let result = importer.image_back(layer, result, &geometry)?;
    importer.activated(&format!("{}/activated", layer.name), result, layer.text("activation", "linear"))
}

fn depthwise(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let geometry = Geometry::of(layer)?;
    let image = importer.image(layer, only(inputs)?, &geometry)?;
    // Keras 2 has a name of its own for it.
    let kernel = importer
        .weight(layer, "kernel", &["kernel", "bias"])
        .or_else(|_| importer.weight(layer, "depthwise_kernel", &[]))?;
    let filters = kernel.0.iter().rev().take(2).product();
    let bias = importer.bias(layer, filters, &["kernel", "bias"])?;
    let result = importer.depthwise_convolved(&layer.name, image, kernel, bias, &geometry)?;
    let result = importer.image_back(layer, result, &geometry)?;
    importer.activated(&format!("{}/activated", layer.name), result, layer.text("activation", "linear"))
}

fn separable(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let order = ["depthwise_kernel", "pointwise_kernel", "bias"];
    let geometry = Geometry::of(layer)?;
    let image = importer.image(layer, only(inputs)?, &geometry)?;
    let first = importer.weight(layer, order[0], &order)?;
    let second = importer.weight(layer, order[1], &order)?;
    let channels = first.0.iter().rev().take(2).product();
    let none =
        importer.builder.floats(&format!("{}/no bias", layer.name), &[channels], &vec![0.0; channels])?;
    let apart =
        importer.depthwise_convolved(&format!("{}/depthwise", layer.name), image, first, none, &geometry)?;
    let bias = importer.bias(layer, layer.size("filters")?, &order)?;
    let one =
        Geometry { spatial: geometry.spatial, stride: [1, 1], dilation: [1, 1], padding: Padding::Valid };
    let result = importer.convolved(&layer.name, apart, second, bias, &one)?;
    let result = importer.image_back(layer, result, &geometry)?;
    importer.activated(&format!("{}/activated", layer.name), result, layer.text("activation", "linear"))
}

fn transposed(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let geometry = Geometry::of(layer)?;
    let image = only(inputs)?;
    if geometry.dilation != [1, 1] || !layer.config["output_padding"].is_null() {
        return Err(Failure::new("dilation and output_padding are not supported"));
    }
    let (kernel_dims, values) = importer.weight(layer, "kernel", &["kernel", "bias"])?;
    let (&[batch, high, wide, _], &[rows, columns, filters, channels]) =
        (importer.dims(image).as_slice(), kernel_dims.as_slice())
    else {
        return Err(Failure::new("its input or its kernel is no image"));
    };
    // `[rows, columns, filters, channels]` becomes `[filters, rows, columns, channels]`.
    let mut moved = Vec::with_capacity(values.len());
    for filter in 0..filters {
        for place in 0..rows * columns {
            let start = (place * filters + filter) * channels;
            moved.extend_from_slice(values.get(start..start + channels).unwrap_or_default());
        }
    }
    let kernel = importer.builder.floats(
        &format!("{}/kernel", layer.name),
        &[filters, rows, columns, channels],
        &moved,
    )?;
    let made = |size: usize, kernel: usize, stride: i32| match geometry.padding {
        Padding::Same => size as i32 * stride,
        Padding::Valid => size as i32 * stride + (kernel as i32 - stride).max(0),
    };
    let shape = [
        batch as i32,
        made(high, rows, geometry.stride[0]),
        made(wide, columns, geometry.stride[1]),
        filters as i32,
    ];
    let shape = importer.builder.ints(&format!("{}/shape", layer.name), &shape)?;
    let bias = importer.bias(layer, filters, &["kernel", "bias"])?;
    let op = TransposeConv {
        padding: geometry.padding,
        stride_h: geometry.stride[0],
        stride_w: geometry.stride[1],
        ..TransposeConv::default()
    };
    let result = importer.emit(&layer.name, op, &[shape, kernel, image, bias])?;
    importer.activated(&format!("{}/activated", layer.name), result, layer.text("activation", "linear"))
}
