//! Convolutions, over one or two spatial dimensions.

use sedge_schema::TensorType;
use sedge_schema::op::{Conv2d, DepthwiseConv2d, Padding};

use super::call::Call;
use super::value::{Value, channels_last};
use super::window::{Window, padding, windows};
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::{Operation, TensorId};

pub(super) fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "Conv" => convolution,
        _ => return None,
    })
}

/// How weights `[filters, 1, rows, columns]` of a depthwise convolution are stored: `[1, rows, columns, filters]`.
/// Those of a transposed one, `[channels, filters, rows, columns]`, become `[filters, rows, columns, channels]`.
pub(super) const FIRST_LAST: [usize; 4] = [3, 0, 1, 2];

impl Importer<'_> {
    /// A value of three dimensions `[batch, channels, columns]` as an image of one row; others as they are.
    pub(super) fn as_image(&mut self, name: &str, value: &Value) -> Result<Value, Failure> {
        match *self.dims(value).as_slice() {
            [a, b, length] => self.reshape(name, value, &[a, b, 1, length]),
            [_, _, _, _] => Ok(value.clone()),
            ref dims => Err(Failure::new(format!("the shape {dims:?} has not 1 or 2 spatial dimensions"))),
        }
    }

    /// The result of an operator on images, with as many dimensions as its input had.
    pub(super) fn image_back(&mut self, name: &str, image: Value, rank: usize) -> Result<Value, Failure> {
        match (rank, self.dims(&image).as_slice()) {
            (3, &[a, b, _, length]) => self.reshape(name, &image, &[a, b, length]),
            _ => Ok(image),
        }
    }

    /// The bias of `filters` filters in input `i`; zeros where it is left out.
    pub(super) fn bias(&mut self, call: &Call<'_>, i: usize, filters: usize) -> Result<TensorId, Failure> {
        match self.optional(call, i)? {
            Some(bias) => self.plain(&bias),
            None => self.builder.floats(&call.part("bias"), &[filters], &vec![0.0; filters]),
        }
    }
}

/// The windows of an image, whose kernel has one row where the model has one spatial dimension.
fn image_windows(
    call: &Call<'_>,
    rank: usize,
    image: &[usize],
    kernel: &[usize],
) -> Result<Vec<Window>, Failure> {
    let one_row = Window { input: 1, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0 };
    let from = if rank == 3 { 1 } else { 0 };
    let (image, kernel) = (image.get(2 + from..).unwrap_or_default(), kernel.get(from..).unwrap_or_default());
    let found = windows(call, image, kernel)?;
    Ok(std::iter::repeat_n(one_row, from).chain(found).collect())
}

fn convolution(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let input = importer.input(call, 0)?;
    let rank = input.axes.len();
    let image = importer.as_image(&call.part("image"), &input)?;
    let weights = importer.input(call, 1)?;
    let weights = importer.as_image(&call.part("weights"), &weights)?;
    let (&[_, channels, _, _], &[filters, depth, rows, columns]) =
        (importer.dims(&image).as_slice(), importer.dims(&weights).as_slice())
    else {
        return call.refuse("the input must be an image");
    };
    let windows = image_windows(call, rank, &importer.dims(&image), &[rows, columns])?;
    let groups = usize::try_from(call.int("group", 1)).unwrap_or(0);
    if groups == 0 || depth.checked_mul(groups) != Some(channels) || filters % groups != 0 {
        return call.refuse(format!("{groups} groups do not fit {channels} channels and {filters} filters"));
    }
    let (image, padding) = bordered(importer, call, &image, &windows)?;
    let bias = importer.bias(call, 2, filters)?;
    let [height, width] = [0, 1].map(|i| windows.get(i).copied());
    let (Some(height), Some(width)) = (height, width) else { return call.refuse("there are no windows") };
    let is_depthwise = depth == 1 && groups == channels && groups > 1;
    let (op, axes): (Operation, _) = if is_depthwise {
        let op = DepthwiseConv2d {
            padding,
            stride_w: width.stride as i32,
            stride_h: height.stride as i32,
            depth_multiplier: (filters / channels) as i32,
            dilation_w: width.dilation as i32,
            dilation_h: height.dilation as i32,
            ..DepthwiseConv2d::default()
        };
        (op.into(), FIRST_LAST.to_vec())
    } else {
        let op = Conv2d {
            padding,
            stride_w: width.stride as i32,
            stride_h: height.stride as i32,
            dilation_w: width.dilation as i32,
            dilation_h: height.dilation as i32,
            ..Conv2d::default()
        };
        (op.into(), channels_last(4))
    };
    let weights = importer.arrange(&weights, &axes)?;
    let inputs = [image, weights, bias];
    let tensor = importer.builder.emit(call.name(), op, &inputs, TensorType::Float32)?;
    let result = Value { tensor, axes: channels_last(4) };
    let result = importer.image_back(&call.part("line"), result, rank)?;
    importer.set(call, 0, result)
}

/// The image with its channels last and the kind of border, after borders were added that have no name.
fn bordered(
    importer: &mut Importer<'_>,
    call: &Call<'_>,
    image: &Value,
    windows: &[Window],
) -> Result<(TensorId, Padding), Failure> {
    let outputs: Vec<i64> = windows.iter().map(|w| w.output(false)).collect();
    let last = importer.arrange(image, &channels_last(4))?;
    if let Some(padding) = padding(windows, &outputs) {
        return Ok((last, padding));
    }
    let sides = windows.iter().zip(&outputs).map(|(w, &o)| [w.before, w.reach(o).max(0)]);
    let borders: Vec<[i64; 2]> = [[0, 0], [0, 0]].into_iter().chain(sides).collect();
    let image = Value { tensor: last, axes: channels_last(4) };
    let padded = importer.padded(&call.part("padded"), &image, &borders, None)?;
    Ok((padded.tensor, Padding::Valid))
}
