//! Convolutions, pooling, and images in other sizes.

use sedge_schema::op::{
    Add, AveragePool2d, Conv2d, DepthwiseConv2d, LocalResponseNormalization, MaxPool2d, Mul, Pad, Padding,
    ResizeBilinear, ResizeNearestNeighbor, Rsqrt, Sub, TransposeConv,
};

use super::call::{Call, Value};
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::TensorId;
use crate::import::formula::Formula;

pub(super) fn handler(op: &str) -> Option<Handler> {
    Some(Handler::Tensors(match op {
        "AvgPool" | "MaxPool" => pool,
        "Conv2D" => convolution,
        "Conv2DBackpropInput" => transposed,
        "DepthwiseConv2dNative" => depthwise,
        "FusedBatchNorm" | "FusedBatchNormV2" | "FusedBatchNormV3" => return Some(Handler::Values(batch)),
        "LRN" => local_response,
        "ResizeBilinear" => |i, c, x| {
            let op = ResizeBilinear {
                align_corners: c.flag("align_corners", false),
                half_pixel_centers: c.flag("half_pixel_centers", false),
            };
            i.emit(&c.name, op, x)
        },
        "ResizeNearestNeighbor" => |i, c, x| {
            let op = ResizeNearestNeighbor {
                align_corners: c.flag("align_corners", false),
                half_pixel_centers: c.flag("half_pixel_centers", false),
            };
            i.emit(&c.name, op, x)
        },
        _ => return None,
    }))
}

impl Importer<'_> {
    /// The image and the kind of border, after zeros were added where their number is listed.
    fn bordered(&mut self, call: &Call<'_>, image: TensorId) -> Result<(TensorId, Padding), Failure> {
        if let Some(padding) = call.padding()? {
            return Ok((image, padding));
        }
        let list = call.ints("explicit_paddings")?;
        let pairs = self.builder.constant(
            &call.part("paddings"),
            sedge_schema::TensorType::Int32,
            &[list.len() / 2, 2],
            list.iter().flat_map(|n| n.to_le_bytes()).collect(),
        )?;
        Ok((self.emit(&call.part("padded"), Pad {}, &[image, pairs])?, Padding::Valid))
    }

    fn no_bias(&mut self, call: &Call<'_>, filters: usize) -> Result<TensorId, Failure> {
        self.builder.floats(&call.part("bias"), &[filters], &vec![0.0; filters])
    }
}

/// A kernel's dimensions.
fn kernel_dims(importer: &Importer<'_>, kernel: TensorId) -> Result<[usize; 4], Failure> {
    let dims = importer.dims(kernel);
    dims.first_chunk()
        .copied()
        .filter(|_| dims.len() == 4)
        .ok_or_else(|| Failure::new(format!("its kernel has the shape {dims:?}")))
}

/// The kernel `[rows, columns, channels, filters]` becomes `[filters, rows, columns, channels]`.
fn convolution(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [image, kernel] = call.operands(x)?;
    let ([stride_h, stride_w], [dilation_h, dilation_w]) =
        (call.spatial("strides")?, call.spatial("dilations")?);
    let [_, _, _, filters] = kernel_dims(importer, kernel)?;
    let (image, padding) = importer.bordered(call, image)?;
    let kernel = importer.builder.transpose(&call.part("kernel"), kernel, &[3, 0, 1, 2])?;
    let bias = importer.no_bias(call, filters)?;
    let op = Conv2d { padding, stride_w, stride_h, dilation_w, dilation_h, ..Conv2d::default() };
    importer.emit(&call.name, op, &[image, kernel, bias])
}

/// The kernel `[rows, columns, channels, multiplier]` becomes `[1, rows, columns, channels * multiplier]`.
fn depthwise(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [image, kernel] = call.operands(x)?;
    let ([stride_h, stride_w], [dilation_h, dilation_w]) =
        (call.spatial("strides")?, call.spatial("dilations")?);
    let [rows, columns, channels, multiplier] = kernel_dims(importer, kernel)?;
    let filters = channels.saturating_mul(multiplier);
    let (image, padding) = importer.bordered(call, image)?;
    let kernel = importer.builder.reshape(&call.part("kernel"), kernel, &[1, rows, columns, filters])?;
    let bias = importer.no_bias(call, filters)?;
    let depth_multiplier = multiplier as i32;
    let op = DepthwiseConv2d {
        padding,
        stride_w,
        stride_h,
        dilation_w,
        dilation_h,
        depth_multiplier,
        ..DepthwiseConv2d::default()
    };
    importer.emit(&call.name, op, &[image, kernel, bias])
}

/// The kernel `[rows, columns, filters, channels]` becomes `[filters, rows, columns, channels]`.
fn transposed(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [shape, kernel, image] = call.operands(x)?;
    let [stride_h, stride_w] = call.spatial("strides")?;
    if call.spatial("dilations")? != [1, 1] {
        return Err(Failure::new("dilation is not supported"));
    }
    let padding = call.padding()?.ok_or_else(|| Failure::new("listed paddings are not supported"))?;
    let [_, _, filters, _] = kernel_dims(importer, kernel)?;
    let kernel = importer.builder.transpose(&call.part("kernel"), kernel, &[2, 0, 1, 3])?;
    let shape = importer.narrow(&call.part("shape"), shape)?;
    let bias = importer.no_bias(call, filters)?;
    let op = TransposeConv { padding, stride_w, stride_h, ..TransposeConv::default() };
    let kind = importer.builder.kind(image);
    importer.builder.emit(&call.name, op, &[shape, kernel, image, bias], kind)
}

/// `scale * (x - mean) / sqrt(variance + epsilon) + offset`.
fn batch<'m>(importer: &mut Importer<'m>, call: &Call<'m>, x: &[Value]) -> Result<Vec<Value>, Failure> {
    let tensors: Option<Vec<TensorId>> =
        x.iter().map(|v| if let Value::Tensor(t) = v { Some(*t) } else { None }).collect();
    let [x, scale, offset, mean, variance] = call.operands(&tensors.unwrap_or_default())?;
    if call.flag("is_training", true) {
        return Err(Failure::new("it normalizes by the statistics of its batch (is_training)")
            .help("save the model for inference"));
    }
    call.spatial("strides")?;
    let epsilon = call.float("epsilon", 1e-4);
    let mut f = Formula::new(&mut importer.builder, &call.name);
    let sum = f.with(Add::default(), variance, epsilon)?;
    let inverse = f.of(Rsqrt {}, sum)?;
    let factor = f.both(Mul::default(), scale, inverse)?;
    let shift = f.both(Mul::default(), mean, factor)?;
    let rest = f.both(Sub::default(), offset, shift)?;
    let product = f.both(Mul::default(), x, factor)?;
    let result = importer.emit(&call.name, Add::default(), &[product, rest])?;
    // Its other outputs only matter in training.
    Ok(vec![Value::Tensor(result), Value::Tensor(mean), Value::Tensor(variance)])
}

fn pool(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [image] = call.operands(x)?;
    let ([filter_height, filter_width], [stride_h, stride_w]) =
        (call.spatial("ksize")?, call.spatial("strides")?);
    let padding = call.padding()?.ok_or_else(|| Failure::new("listed paddings are not supported"))?;
    if call.op() == "MaxPool" {
        let op =
            MaxPool2d { padding, stride_w, stride_h, filter_width, filter_height, ..MaxPool2d::default() };
        return importer.emit(&call.name, op, &[image]);
    }
    let op = AveragePool2d {
        padding,
        stride_w,
        stride_h,
        filter_width,
        filter_height,
        ..AveragePool2d::default()
    };
    importer.emit(&call.name, op, &[image])
}

fn local_response(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let op = LocalResponseNormalization {
        radius: call.int("depth_radius", 5)?,
        bias: call.float("bias", 1.0),
        alpha: call.float("alpha", 1.0),
        beta: call.float("beta", 0.5),
    };
    importer.emit(&call.name, op, x)
}
