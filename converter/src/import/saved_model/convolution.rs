//! Convolutions, pooling, and images in other sizes.

use sedge_schema::op::{
    Add, LocalResponseNormalization, Mul, Pad, Padding, ResizeBilinear, ResizeNearestNeighbor, Rsqrt, Sub,
};

use super::call::{Call, Value, tensors};
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::TensorId;
use crate::import::formula::Formula;
use crate::import::layers::Window;

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
    /// The image and the window, after zeros were added where their number is listed.
    fn window(&mut self, call: &Call<'_>, image: TensorId) -> Result<(TensorId, Window), Failure> {
        let (stride, dilation) = (call.spatial("strides")?, call.spatial("dilations")?);
        if let Some(padding) = call.padding()? {
            return Ok((image, Window { stride, dilation, padding }));
        }
        let list = call.ints("explicit_paddings")?;
        let pairs = self.builder.constant(
            &call.part("paddings"),
            sedge_schema::TensorType::Int32,
            &[list.len() / 2, 2],
            list.iter().flat_map(|n| n.to_le_bytes()).collect(),
        )?;
        let padded = self.emit(&call.part("padded"), Pad {}, &[image, pairs])?;
        Ok((padded, Window { stride, dilation, padding: Padding::Valid }))
    }

    fn no_bias(&mut self, call: &Call<'_>, filters: usize) -> Result<TensorId, Failure> {
        self.builder.floats(&call.part("bias"), &[filters], &vec![0.0; filters])
    }
}

fn convolution(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [image, kernel] = call.operands(x)?;
    let (image, window) = importer.window(call, image)?;
    let [.., filters] = importer.builder.kernel_dims(kernel)?;
    let bias = importer.no_bias(call, filters)?;
    importer.builder.convolved(&call.name, [image, kernel, bias], &window)
}

fn depthwise(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [image, kernel] = call.operands(x)?;
    let (image, window) = importer.window(call, image)?;
    let [.., channels, multiplier] = importer.builder.kernel_dims(kernel)?;
    let bias = importer.no_bias(call, channels.saturating_mul(multiplier))?;
    importer.builder.depthwise_convolved(&call.name, [image, kernel, bias], &window)
}

fn transposed(importer: &mut Importer<'_>, call: &Call<'_>, x: &[TensorId]) -> Result<TensorId, Failure> {
    let [shape, kernel, image] = call.operands(x)?;
    let window = named_window(call)?;
    if window.dilation != [1, 1] {
        return Err(Failure::new("dilation is not supported"));
    }
    let [_, _, filters, _] = importer.builder.kernel_dims(kernel)?;
    let shape = importer.narrow(&call.part("shape"), shape)?;
    let bias = importer.no_bias(call, filters)?;
    importer.builder.transpose_convolved(&call.name, [shape, kernel, image, bias], &window)
}

/// The window of a node that cannot list its borders.
fn named_window(call: &Call<'_>) -> Result<Window, Failure> {
    let padding = call.padding()?.ok_or_else(|| Failure::new("listed paddings are not supported"))?;
    Ok(Window { stride: call.spatial("strides")?, dilation: call.spatial("dilations")?, padding })
}

/// `scale * (x - mean) / sqrt(variance + epsilon) + offset`.
fn batch<'m>(importer: &mut Importer<'m>, call: &Call<'m>, x: &[Value]) -> Result<Vec<Value>, Failure> {
    let [x, scale, offset, mean, variance] = call.operands(&tensors(x)?)?;
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
    let size = call.spatial("ksize")?;
    importer.builder.pooled(&call.name, image, call.op() == "MaxPool", size, &named_window(call)?)
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
