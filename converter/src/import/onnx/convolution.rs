//! Convolutions, over one or two spatial dimensions.

use sedge_schema::TensorType;
use sedge_schema::op::{Conv2d, DepthwiseConv2d, Padding, TransposeConv};

use super::call::Call;
use super::value::{Value, channels_last};
use super::window::{Window, padding, windows};
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::{Operation, TensorId};

pub(super) fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "Conv" => convolution,
        "ConvTranspose" => transposed,
        _ => return None,
    })
}

/// How weights `[filters, 1, rows, columns]` of a depthwise convolution are stored: `[1, rows, columns, filters]`.
/// Those of a transposed one, `[channels, filters, rows, columns]`, become `[filters, rows, columns, channels]`.
const FIRST_LAST: [usize; 4] = [3, 0, 1, 2];

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

fn transposed(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let input = importer.input(call, 0)?;
    let rank = input.axes.len();
    let image = importer.as_image(&call.part("image"), &input)?;
    let weights = importer.input(call, 1)?;
    let weights = importer.as_image(&call.part("weights"), &weights)?;
    let (&[batch, _, high, wide], &[_, filters, rows, columns]) =
        (importer.dims(&image).as_slice(), importer.dims(&weights).as_slice())
    else {
        return call.refuse("the input must be an image");
    };
    if call.int("group", 1) != 1 {
        return call.refuse("transposed convolutions in groups are not supported");
    }
    if call.ints("dilations").is_some_and(|d| d.iter().any(|&d| d != 1)) {
        return call.refuse("transposed convolutions with dilation are not supported");
    }
    let spatial = rank - 2;
    // For each dimension the size of the whole result, the part of it that is asked for, and the stride.
    let mut sizes = Vec::new();
    for (i, (input, kernel)) in [(high, rows), (wide, columns)].into_iter().enumerate() {
        let Some(k) = (i + spatial).checked_sub(2) else {
            sizes.push(Cut { input: 1, full: 1, start: 0, length: 1, stride: 1 });
            continue;
        };
        sizes.push(transposed_size(call, spatial, k, input as i64, kernel as i64)?);
    }
    let same =
        |s: &Cut| (s.length + s.stride - 1) / s.stride == s.input && s.start == (s.full - s.length) / 2;
    let is_same = sizes.iter().all(|s| s.full >= s.length && same(s));
    let [h, w] = [0, 1].map(|i| sizes.get(i).copied());
    let (Some(h), Some(w)) = (h, w) else { return call.refuse("there are no sizes") };
    let made = |s: Cut| if is_same { s.length } else { s.full };
    let shape = [batch as i64, made(h), made(w), filters as i64].map(|d| d as i32);
    let shape = importer.builder.ints(&call.part("shape"), &shape)?;
    let weights = importer.arrange(&weights, &FIRST_LAST)?;
    let image = importer.arrange(&image, &channels_last(4))?;
    let bias = importer.bias(call, 2, filters)?;
    let op = TransposeConv {
        padding: if is_same { Padding::Same } else { Padding::Valid },
        stride_w: w.stride as i32,
        stride_h: h.stride as i32,
        ..TransposeConv::default()
    };
    let inputs = [shape, weights, image, bias];
    let tensor = importer.builder.emit(call.name(), op, &inputs, TensorType::Float32)?;
    let mut result = Value { tensor, axes: channels_last(4) };
    if !is_same {
        let cuts = [(2, h.start, h.start + h.length, 1), (3, w.start, w.start + w.length, 1)];
        result = importer.cut(&call.part("cut"), &result, &cuts)?;
    }
    let result = importer.image_back(&call.part("line"), result, rank)?;
    importer.set(call, 0, result)
}

/// What is kept of one dimension of a transposed convolution's result.
#[derive(Clone, Copy)]
struct Cut {
    input: i64,
    full: i64,
    start: i64,
    length: i64,
    stride: i64,
}

fn transposed_size(
    call: &Call<'_>,
    spatial: usize,
    k: usize,
    input: i64,
    kernel: i64,
) -> Result<Cut, Failure> {
    let of = |name: &str, k: usize, otherwise: i64| {
        call.ints(name).and_then(|list| list.get(k)).copied().unwrap_or(otherwise)
    };
    let stride = of("strides", k, 1);
    let extra = of("output_padding", k, 0);
    let asked = call.ints("output_shape").and_then(|list| list.get(k)).copied();
    let auto = call.text("auto_pad", "NOTSET");
    if !(1..=1 << 20).contains(&stride) || !(0..stride).contains(&extra) {
        return call.refuse(format!("stride {stride} and output_padding {extra} do not fit"));
    }
    let full = (input - 1) * stride + kernel;
    let (start, length) = match (asked, auto) {
        (Some(length), _) => {
            let total = full + extra - length;
            let start = if auto == "SAME_UPPER" { total / 2 } else { total - total / 2 };
            (start, length)
        }
        (None, "SAME_UPPER" | "SAME_LOWER") => {
            let total = full + extra - input * stride;
            let start = if auto == "SAME_UPPER" { total / 2 } else { total - total / 2 };
            (start, input * stride)
        }
        _ => {
            let (before, after) = (of("pads", k, 0), of("pads", k + spatial, 0));
            (before, full + extra - before - after)
        }
    };
    if start < 0 || length < 1 || start + length > full {
        return call.refuse(format!("{length} elements from {start} on are more than the {full} there are"));
    }
    Ok(Cut { input, full, start, length, stride })
}
