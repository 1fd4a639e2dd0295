//! Pooling over one or two dimensions, and over all of them.

use sedge_schema::op::{Mean, Padding, ReduceMax};

use super::config::{Layer, pair};
use super::{Handler, Importer, ensure_channels_last, only};
use crate::Failure;
use crate::graph::TensorId;
use crate::import::layers::Window;

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
    let size = layer.sizes("pool_size", spatial)?;
    let stride =
        if layer.config["strides"].is_null() { size.clone() } else { layer.sizes("strides", spatial)? };
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
    let window = Window { stride: pair(&stride), dilation: [1, 1], padding };
    let is_largest = layer.class.starts_with("Max");
    let result = importer.builder.pooled(&layer.name, image, is_largest, pair(&size), &window)?;
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
