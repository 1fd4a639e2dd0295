//! Pooling over one or two dimensions, and over all of them.

use sedge_schema::op::{AveragePool2d, MaxPool2d, Mean, Padding, ReduceMax};

use super::config::Layer;
use super::{Handler, Importer, ensure_channels_last, only};
use crate::Failure;
use crate::graph::TensorId;

pub(super) fn handler(class: &str) -> Option<Handler> {
    Some(match class {
        "AveragePooling1D" | "AveragePooling2D" | "MaxPooling1D" | "MaxPooling2D" => pool,
        "GlobalAveragePooling1D" | "GlobalAveragePooling2D" | "GlobalMaxPooling1D" | "GlobalMaxPooling2D" => {
            global
        }
        _ => return None,
    })
}

fn pool(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    ensure_channels_last(layer)?;
    let x = only(inputs)?;
    let spatial = if layer.class.ends_with("1D") { 1 } else { 2 };
    let window = layer.sizes("pool_size", spatial)?;
    let stride =
        if layer.config["strides"].is_null() { window.clone() } else { layer.sizes("strides", spatial)? };
    let padding = match layer.text("padding", "valid") {
        "same" => Padding::Same,
        "valid" => Padding::Valid,
        other => return Err(Failure::new(format!("padding '{other}' is not supported"))),
    };
    let dims = importer.dims(x);
    let (image, is_line) = match (spatial, dims.as_slice()) {
        (1, &[batch, length, channels]) => {
            (importer.reshape(&format!("{}/image", layer.name), x, &[batch, 1, length, channels])?, true)
        }
        (2, [_, _, _, _]) => (x, false),
        _ => return Err(Failure::new(format!("its input has the shape {dims:?}"))),
    };
    let pair = |sizes: &[usize]| match *sizes {
        [one] => [1, one as i32],
        [rows, columns] => [rows as i32, columns as i32],
        _ => [1, 1],
    };
    let ([filter_height, filter_width], [stride_h, stride_w]) = (pair(&window), pair(&stride));
    let result = if layer.class.starts_with("Max") {
        let op =
            MaxPool2d { padding, stride_w, stride_h, filter_width, filter_height, ..MaxPool2d::default() };
        importer.emit(&layer.name, op, &[image])?
    } else {
        let op = AveragePool2d {
            padding,
            stride_w,
            stride_h,
            filter_width,
            filter_height,
            ..AveragePool2d::default()
        };
        importer.emit(&layer.name, op, &[image])?
    };
    match (is_line, importer.dims(result).as_slice()) {
        (true, &[batch, 1, length, channels]) => {
            importer.reshape(&format!("{}/line", layer.name), result, &[batch, length, channels])
        }
        _ => Ok(result),
    }
}

fn global(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    ensure_channels_last(layer)?;
    let x = only(inputs)?;
    let spatial = if layer.class.ends_with("1D") { 1 } else { 2 };
    if importer.dims(x).len() != spatial + 2 {
        return Err(Failure::new(format!("its input has the shape {:?}", importer.dims(x))));
    }
    let axes: Vec<i32> = (1..=spatial as i32).collect();
    let axes = importer.builder.ints(&format!("{}/axes", layer.name), &axes)?;
    let keep_dims = layer.flag("keepdims", false);
    match layer.class.starts_with("GlobalMax") {
        true => importer.emit(&layer.name, ReduceMax { keep_dims }, &[x, axes]),
        false => importer.emit(&layer.name, Mean { keep_dims }, &[x, axes]),
    }
}
