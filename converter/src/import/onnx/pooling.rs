//! Pooling, over one or two spatial dimensions, and over all of them.

use sedge_schema::TensorType;
use sedge_schema::op::{AveragePool2d, MaxPool2d, Mean, MirrorMode, Mul, Padding, ReduceMax};

use super::call::Call;
use super::value::{Value, channels_last};
use super::window::{Window, padding, windows};
use super::{Handler, Importer};
use crate::Failure;

pub(super) fn handler(name: &str) -> Option<Handler> {
    Some(match name {
        "AveragePool" | "MaxPool" => pool,
        "GlobalAveragePool" | "GlobalMaxPool" => global,
        _ => return None,
    })
}

fn global(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let value = importer.input(call, 0)?;
    let axes: Vec<usize> = (2..value.axes.len()).collect();
    let result = match call.op() {
        "GlobalMaxPool" => {
            importer.reduced(call.name(), &value, &axes, true, ReduceMax { keep_dims: true })?
        }
        _ => importer.reduced(call.name(), &value, &axes, true, Mean { keep_dims: true })?,
    };
    importer.set(call, 0, result)
}

fn pool(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let input = importer.input(call, 0)?;
    let rank = input.axes.len();
    let image = importer.as_image(&call.part("image"), &input)?;
    if call.node.output.get(1).is_some_and(|name| !name.is_empty()) {
        return call.refuse("the indices of the largest elements are not supported");
    }
    if call.ints("dilations").is_some_and(|d| d.iter().any(|&d| d != 1)) {
        return call.refuse("pooling with dilation is not supported");
    }
    let kernel = call.ints("kernel_shape").unwrap_or_default();
    let kernel: Vec<usize> = kernel.iter().map(|&k| usize::try_from(k).unwrap_or(0)).collect();
    let dims = importer.dims(&image);
    let spatial = dims.get(6 - rank..).unwrap_or_default();
    if kernel.len() != spatial.len() {
        return call.refuse(format!("a kernel of {} dimensions does not fit", kernel.len()));
    }
    let one_row = Window { input: 1, kernel: 1, stride: 1, dilation: 1, before: 0, after: 0 };
    let rows = std::iter::repeat_n(one_row, 4 - rank);
    let windows: Vec<Window> = rows.chain(windows(call, spatial, &kernel)?).collect();
    let ceil = call.int("ceil_mode", 0) != 0;
    let outputs: Vec<i64> = windows.iter().map(|w| w.output(ceil)).collect();
    let result = match call.op() {
        "MaxPool" => largest(importer, call, &image, &windows, &outputs)?,
        _ => average(importer, call, &image, &windows, &outputs)?,
    };
    let result = importer.image_back(&call.part("line"), result, rank)?;
    importer.set(call, 0, result)
}

/// Borders of rows and columns that windows reach into.
fn borders(windows: &[Window], outputs: &[i64]) -> Vec<[i64; 2]> {
    let sides = windows.iter().zip(outputs).map(|(w, &o)| [w.before, w.reach(o).max(0)]);
    [[0, 0], [0, 0]].into_iter().chain(sides).collect()
}

/// Where the format has no name for the borders, they mirror what lies inside: as long as a window sees what a
/// cell of the border mirrors, that changes no maximum, and brings no values in that would widen a range.
fn largest(
    importer: &mut Importer<'_>,
    call: &Call<'_>,
    image: &Value,
    windows: &[Window],
    outputs: &[i64],
) -> Result<Value, Failure> {
    let kind = importer.kind(image);
    let tensor = importer.arrange(image, &channels_last(4))?;
    let mut image = Value { tensor, axes: channels_last(4) };
    let padding = padding(windows, outputs);
    if padding.is_none() {
        let borders = borders(windows, outputs);
        let mirrors = |(w, &o): (&Window, &i64)| {
            let (after, last) = (w.reach(o).max(0), (o - 1) * w.stride - w.before);
            w.before <= w.kernel / 2 && w.before.max(after) <= w.input && w.input - after >= last
        };
        let name = call.part("padded");
        image = if windows.iter().zip(outputs).all(mirrors) {
            importer.mirrored(&name, &image, &borders, MirrorMode::Symmetric)?
        } else {
            if kind != TensorType::Float32 {
                return call.refuse("borders this wide are supported for real numbers only");
            }
            let least = importer.scalar(&call.part("least"), f32::MIN)?;
            importer.padded(&name, &image, &borders, Some(least.tensor))?
        };
    }
    let [h, w] = [0, 1].map(|i| windows.get(i).copied());
    let (Some(h), Some(w)) = (h, w) else { return call.refuse("there are no windows") };
    let op = MaxPool2d {
        padding: padding.unwrap_or(Padding::Valid),
        stride_w: w.stride as i32,
        stride_h: h.stride as i32,
        filter_width: w.kernel as i32,
        filter_height: h.kernel as i32,
        ..MaxPool2d::default()
    };
    let tensor = importer.builder.emit(call.name(), op, &[image.tensor], kind)?;
    Ok(Value { tensor, axes: channels_last(4) })
}

/// The format's operator counts cells inside the image only. Where the model counts the border too, or the
/// border has no name, zeros are added; where it does not count them all the same, the averages are corrected.
fn average(
    importer: &mut Importer<'_>,
    call: &Call<'_>,
    image: &Value,
    windows: &[Window],
    outputs: &[i64],
) -> Result<Value, Failure> {
    let counts_border = call.int("count_include_pad", 0) != 0;
    let has_border = windows.iter().any(|w| w.before != 0 || w.after != 0);
    let tensor = importer.arrange(image, &channels_last(4))?;
    let mut image = Value { tensor, axes: channels_last(4) };
    let named = padding(windows, outputs).filter(|p| *p == Padding::Valid || !counts_border || !has_border);
    if named.is_none() {
        image = importer.padded(&call.part("padded"), &image, &borders(windows, outputs), None)?;
    }
    let [h, w] = [0, 1].map(|i| windows.get(i).copied());
    let (Some(h), Some(w)) = (h, w) else { return call.refuse("there are no windows") };
    let op = AveragePool2d {
        padding: named.unwrap_or(Padding::Valid),
        stride_w: w.stride as i32,
        stride_h: h.stride as i32,
        filter_width: w.kernel as i32,
        filter_height: h.kernel as i32,
        ..AveragePool2d::default()
    };
    // Cells that count of the window at each position.
    let counted = |w: &Window, output: i64| -> Vec<f32> {
        let (low, high) = match counts_border {
            true => (-w.before, w.input + w.after),
            false => (0, w.input),
        };
        let count = |at: i64| {
            let first = at * w.stride - w.before;
            ((first + w.kernel).min(high) - first.max(low)).max(1) as f32
        };
        (0..output).map(count).collect()
    };
    let factors: Vec<f32> = match (named, outputs) {
        (None, &[rows, columns]) => {
            let (rows, columns) = (counted(&h, rows), counted(&w, columns));
            let cells = (h.kernel * w.kernel) as f32;
            rows.iter().flat_map(|r| columns.iter().map(move |c| cells / (r * c))).collect()
        }
        _ => Vec::new(),
    };
    let is_even = factors.iter().all(|&f| f == 1.0);
    let name = if is_even { call.name().to_owned() } else { call.part("even") };
    let tensor = importer.builder.emit(&name, op, &[image.tensor], TensorType::Float32)?;
    if is_even {
        return Ok(Value { tensor, axes: channels_last(4) });
    }
    let dims: Vec<usize> = outputs.iter().map(|&o| o as usize).collect();
    let &[rows, columns] = dims.as_slice() else { return call.refuse("there are no windows") };
    let factors = importer.builder.floats(&call.part("factors"), &[1, rows, columns, 1], &factors)?;
    let inputs = [tensor, factors];
    let tensor = importer.builder.emit(call.name(), Mul::default(), &inputs, TensorType::Float32)?;
    Ok(Value { tensor, axes: channels_last(4) })
}
