//! Transposed convolutions over one or two spatial dimensions.

use sedge_schema::TensorType;
use sedge_schema::op::{Add, Concatenation, Padding, TransposeConv};

use super::call::Call;
use super::convolution::FIRST_LAST;
use super::value::{Value, channels_last};
use super::{Handler, Importer};
use crate::Failure;
use crate::graph::TensorId;
use crate::import::builder::ensure_few;

pub(super) fn handler(name: &str) -> Option<Handler> {
    (name == "ConvTranspose").then_some(transposed as Handler)
}

fn transposed(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let input = importer.input(call, 0)?;
    let rank = input.axes.len();
    let mut image = importer.as_image(&call.part("image"), &input)?;
    let weights = importer.input(call, 1)?;
    let weights = importer.as_image(&call.part("weights"), &weights)?;
    let weights = dilated(importer, call, weights)?;
    let (&[_, channels, high, wide], &[_, filters, rows, columns]) =
        (importer.dims(&image).as_slice(), importer.dims(&weights).as_slice())
    else {
        return call.refuse("the input must be an image");
    };
    let groups = usize::try_from(call.int("group", 1)).unwrap_or(0);
    if !(1..=1024).contains(&groups) || channels % groups != 0 {
        return call.refuse(format!("{groups} groups do not fit {channels} channels"));
    }
    let spatial = rank - 2;
    let mut sizes = Vec::new();
    for (i, (input, kernel)) in [(high, rows), (wide, columns)].into_iter().enumerate() {
        let Some(k) = (i + spatial).checked_sub(2) else {
            sizes.push(Cut { input: 1, full: 1, start: 0, length: 1, stride: 1, borders: [0, 0] });
            continue;
        };
        sizes.push(transposed_size(call, spatial, k, input as i64, kernel as i64)?);
    }
    let [h, w] = [0, 1].map(|i| sizes.get(i).copied());
    let (Some(h), Some(w)) = (h, w) else { return call.refuse("there are no sizes") };
    image = importer.padded(&call.part("padded"), &image, &[[0, 0], [0, 0], h.borders, w.borders], None)?;
    let mut result = if groups == 1 {
        let bias = importer.bias(call, 2, filters)?;
        one(importer, call, call.name(), [&image, &weights], bias, [h, w])?
    } else {
        let mut parts = Vec::new();
        let size = (channels / groups) as i64;
        for g in 0..groups {
            let name = call.part(&format!("group {g}"));
            let (from, to) = (g as i64 * size, (g as i64 + 1) * size);
            let image = importer.cut(&format!("{name}/image"), &image, &[(1, from, to, 1)])?;
            let weights = importer.cut(&format!("{name}/weights"), &weights, &[(0, from, to, 1)])?;
            let bias = importer.builder.floats(&format!("{name}/bias"), &[filters], &vec![0.0; filters])?;
            parts.push(Some(one(importer, call, &name, [&image, &weights], bias, [h, w])?.tensor));
        }
        let name = call.part("joined");
        let op = Concatenation { axis: 3, ..Concatenation::default() };
        let made = importer.builder.emit_all(&name, op, &parts, &[(&name, TensorType::Float32)])?;
        let tensor = made.first().copied().ok_or_else(|| Failure::new("no result"))?;
        let joined = Value { tensor, axes: channels_last(4) };
        match importer.optional(call, 2)? {
            Some(bias) => {
                let bias = importer.reshape(&call.part("bias"), &bias, &[1, filters * groups, 1, 1])?;
                importer.binary(&call.part("sum"), Add::default(), [&joined, &bias], None)?
            }
            None => joined,
        }
    };
    result = importer.image_back(&call.part("line"), result, rank)?;
    importer.set(call, 0, result)
}

/// One group of channels.
fn one(
    importer: &mut Importer<'_>,
    call: &Call<'_>,
    name: &str,
    [image, weights]: [&Value; 2],
    bias: TensorId,
    [h, w]: [Cut; 2],
) -> Result<Value, Failure> {
    let (&[batch, ..], &[_, filters, ..]) =
        (importer.dims(image).as_slice(), importer.dims(weights).as_slice())
    else {
        return call.refuse("the input must be an image");
    };
    let same =
        |s: &Cut| (s.length + s.stride - 1) / s.stride == s.input && s.start == (s.full - s.length) / 2;
    let is_same = [h, w].iter().all(|s| s.full >= s.length && same(s));
    let made = |s: Cut| if is_same { s.length } else { s.full };
    let shape = [batch as i64, made(h), made(w), filters as i64].map(|d| d as i32);
    let shape = importer.builder.ints(&format!("{name}/shape"), &shape)?;
    let weights = importer.arrange(weights, &FIRST_LAST)?;
    let image = importer.arrange(image, &channels_last(4))?;
    let op = TransposeConv {
        padding: if is_same { Padding::Same } else { Padding::Valid },
        stride_w: w.stride as i32,
        stride_h: h.stride as i32,
        ..TransposeConv::default()
    };
    let inputs = [shape, weights, image, bias];
    let tensor = importer.builder.emit(name, op, &inputs, TensorType::Float32)?;
    let result = Value { tensor, axes: channels_last(4) };
    if is_same {
        return Ok(result);
    }
    let cuts = [(2, h.start, h.start + h.length, 1), (3, w.start, w.start + w.length, 1)];
    importer.cut(&format!("{name}/cut"), &result, &cuts)
}

/// Weights `[channels, filters, rows, columns]` with the zeros written out that dilation puts between them: the
/// format's operator has none.
fn dilated(importer: &mut Importer<'_>, call: &Call<'_>, weights: Value) -> Result<Value, Failure> {
    let given = call.ints("dilations").unwrap_or_default();
    let factor = |d: Option<&i64>| usize::try_from(*d.unwrap_or(&1)).unwrap_or(0);
    let (across, down) =
        (factor(given.last()), factor(given.len().checked_sub(2).and_then(|k| given.get(k))));
    if (down, across) == (1, 1) {
        return Ok(weights);
    }
    let dims = importer.dims(&weights);
    let (Some(values), &[channels, filters, rows, columns]) =
        (importer.floats_of(&weights)?, dims.as_slice())
    else {
        return call.refuse("dilation is supported for constant weights only");
    };
    let wide = |size: usize, by: usize| size.saturating_sub(1).saturating_mul(by).saturating_add(1);
    let (high, wide) = (wide(rows, down), wide(columns, across));
    if !(1..=64).contains(&down) || !(1..=64).contains(&across) || high > 4096 || wide > 4096 {
        return call.refuse("this dilation is not supported");
    }
    let count = [channels, filters, high, wide].iter().fold(1usize, |n, &size| n.saturating_mul(size));
    ensure_few(count)?;
    let mut spread = vec![0.0; count];
    for (i, &value) in values.iter().enumerate() {
        let (plane, row, column) = (i / (rows * columns), i / columns % rows, i % columns);
        if let Some(place) = spread.get_mut((plane * high + row * down) * wide + column * across) {
            *place = value;
        }
    }
    let tensor = importer.builder.floats(&call.part("dilated"), &[channels, filters, high, wide], &spread)?;
    Ok(importer.new_value(tensor))
}

/// The most elements without an input of their own beside the result of a transposed convolution.
const MAX_BORDER: i64 = 1 << 16;

/// What is kept of one dimension of a transposed convolution's result.
#[derive(Clone, Copy)]
struct Cut {
    input: i64,
    full: i64,
    start: i64,
    length: i64,
    stride: i64,
    /// Zeros that the input gets on each side, for what is asked for beside the result.
    borders: [i64; 2],
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
            let total = (full + extra - length).max(0);
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
    if length < 1 || start.abs() > MAX_BORDER || length > full + MAX_BORDER {
        return call.refuse(format!("{length} elements from {start} on are too many"));
    }
    let up = |n: i64| (n.max(0) + stride - 1) / stride;
    let borders = [up(-start), up(start + length - full)];
    let more: i64 = borders.iter().sum();
    Ok(Cut {
        input: input + more,
        full: full + more * stride,
        start: start + borders[0] * stride,
        length,
        stride,
        borders,
    })
}
