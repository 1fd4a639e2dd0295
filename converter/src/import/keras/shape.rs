//! Layers that give the same elements another shape, add borders or cut them, make images larger; and layers that do
//! nothing once training is over.

use sedge_schema::op::{Gather, Pad, ResizeBilinear, ResizeNearestNeighbor, StridedSlice, Tile, Transpose};

use super::config::Layer;
use super::{Handler, Importer, ensure_channels_last, only};
use crate::Failure;
use crate::graph::TensorId;
use crate::import::builder::ensure_few;

pub(super) fn handler(class: &str) -> Option<Handler> {
    Some(match class {
        "ActivityRegularization"
        | "AlphaDropout"
        | "Dropout"
        | "GaussianDropout"
        | "GaussianNoise"
        | "SpatialDropout1D"
        | "SpatialDropout2D" => |_, _, x| only(x),
        "Cropping1D" | "Cropping2D" => crop,
        "Flatten" => flatten,
        "Permute" => permute,
        "RepeatVector" => repeat_vector,
        "Reshape" => reshape,
        "Resizing" => |i, l, x| {
            for key in ["crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"] {
                if l.flag(key, false) {
                    return Err(Failure::new(format!("{key} is not supported")));
                }
            }
            i.resized(l, only(x)?, [l.size("height")?, l.size("width")?], "bilinear")
        },
        "UpSampling1D" => repeat,
        "UpSampling2D" => enlarge,
        "ZeroPadding1D" | "ZeroPadding2D" => pad,
        _ => return None,
    })
}

impl Importer<'_> {
    /// Adds borders of zeros, `[before, after]` for each dimension.
    pub(super) fn padded(
        &mut self,
        name: &str,
        x: TensorId,
        borders: &[[usize; 2]],
    ) -> Result<TensorId, Failure> {
        let bytes = borders.iter().flatten().flat_map(|&b| (b as i32).to_le_bytes()).collect();
        let kind = sedge_schema::TensorType::Int32;
        let list = self.builder.constant(&format!("{name}/borders"), kind, &[borders.len(), 2], bytes)?;
        self.emit(name, Pad {}, &[x, list])
    }
}

/// The borders of an image or a line, those of batch and channels being none.
fn borders(
    importer: &Importer<'_>,
    layer: &Layer,
    x: TensorId,
    key: &str,
) -> Result<Vec<[usize; 2]>, Failure> {
    ensure_channels_last(layer)?;
    let rank = importer.dims(x).len();
    let spatial = if layer.class.ends_with("1D") { 1 } else { 2 };
    if rank != spatial + 2 {
        return Err(Failure::new(format!("its input has the shape {:?}", importer.dims(x))));
    }
    let pairs = match (spatial, layer.config[key].as_array().map(Vec::as_slice)) {
        // [before, after] of the one dimension.
        (1, Some([a, b])) if a.is_u64() && b.is_u64() => {
            let size = |v: &serde_json::Value| v.as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            vec![[size(a), size(b)]]
        }
        _ => layer.pairs(key, spatial)?,
    };
    Ok([&[[0, 0]][..], &pairs, &[[0, 0]]].concat())
}

fn pad(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let borders = borders(importer, layer, x, "padding")?;
    importer.padded(&layer.name, x, &borders)
}

fn crop(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let borders = borders(importer, layer, x, "cropping")?;
    let dims = importer.dims(x);
    let name = &layer.name;
    let begin: Vec<i32> = borders.iter().map(|b| b[0] as i32).collect();
    let end: Vec<i32> = dims.iter().zip(&borders).map(|(&d, b)| d.saturating_sub(b[1]) as i32).collect();
    if begin.iter().zip(&end).any(|(a, b)| a >= b) {
        return Err(Failure::new(format!("nothing of {dims:?} is left")));
    }
    let begin = importer.builder.ints(&format!("{name}/begin"), &begin)?;
    let end = importer.builder.ints(&format!("{name}/end"), &end)?;
    let steps = importer.builder.ints(&format!("{name}/steps"), &vec![1; dims.len()])?;
    importer.emit(name, StridedSlice::default(), &[x, begin, end, steps])
}

fn flatten(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let dims = importer.dims(x);
    let (batch, rest) = dims.split_first().map(|(&b, rest)| (b, rest.iter().product())).unwrap_or((1, 1));
    importer.reshape(&layer.name, x, &[batch, rest])
}

/// The sizes behind the batch as a layer, all of them as a function; one of them may be left open.
fn reshape(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let dims = importer.dims(x);
    let list = |key: &str| {
        let list = layer.config[key].as_array()?;
        Some(list.iter().map(|d| d.as_u64().and_then(|d| usize::try_from(d).ok())).collect::<Vec<_>>())
    };
    let batch = || dims.first().copied();
    let sizes = match (list("target_shape"), list("newshape")) {
        (Some(rest), _) => std::iter::once(batch()).chain(rest).collect(),
        // The batch is left open too.
        (None, Some(all)) => {
            let has_open = all.iter().skip(1).any(Option::is_none);
            let first = all.first().map(|first| first.or_else(|| if has_open { batch() } else { None }));
            first.into_iter().chain(all.iter().skip(1).copied()).collect::<Vec<_>>()
        }
        _ => return Err(Failure::new("it has no target_shape")),
    };
    let all = dims.iter().fold(1usize, |n, &d| n.saturating_mul(d));
    let known = sizes.iter().flatten().fold(1usize, |n, &d| n.saturating_mul(d));
    let open = all.checked_div(known).unwrap_or(0);
    let target: Vec<usize> = sizes.into_iter().map(|size| size.unwrap_or(open)).collect();
    importer.reshape(&layer.name, x, &target)
}

fn permute(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let rank = importer.dims(x).len();
    let order = layer.sizes("dims", rank.saturating_sub(1))?;
    let order: Vec<i32> = std::iter::once(0).chain(order.iter().map(|&d| d as i32)).collect();
    let order = importer.builder.ints(&format!("{}/order", layer.name), &order)?;
    importer.emit(&layer.name, Transpose {}, &[x, order])
}

/// Each element of the one dimension several times.
fn repeat(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let length = importer.dims(x).get(1).copied().unwrap_or(0);
    let times = layer.size("size")?;
    let count = length.saturating_mul(times);
    ensure_few(count)?;
    let list: Vec<i32> = (0..count).map(|i| (i / times.max(1)) as i32).collect();
    let list = importer.builder.ints(&format!("{}/indices", layer.name), &list)?;
    importer.emit(&layer.name, Gather { axis: 1, batch_dims: 0 }, &[x, list])
}

fn enlarge(importer: &mut Importer<'_>, layer: &Layer, inputs: &[TensorId]) -> Result<TensorId, Failure> {
    ensure_channels_last(layer)?;
    let x = only(inputs)?;
    let factors = layer.sizes("size", 2)?;
    let &[_, high, wide, _] = importer.dims(x).as_slice() else {
        return Err(Failure::new("its input is no image"));
    };
    let sizes = [high.saturating_mul(factors[0]), wide.saturating_mul(factors[1])];
    importer.resized(layer, x, sizes, "nearest")
}

impl Importer<'_> {
    /// The image with so many rows and columns.
    fn resized(
        &mut self,
        layer: &Layer,
        x: TensorId,
        sizes: [usize; 2],
        otherwise: &str,
    ) -> Result<TensorId, Failure> {
        ensure_channels_last(layer)?;
        let sizes = sizes.map(|size| i32::try_from(size).unwrap_or(i32::MAX));
        let size = self.builder.ints(&format!("{}/size", layer.name), &sizes)?;
        match layer.text("interpolation", otherwise) {
            "nearest" => {
                let op = ResizeNearestNeighbor { align_corners: false, half_pixel_centers: true };
                self.emit(&layer.name, op, &[x, size])
            }
            "bilinear" => {
                let op = ResizeBilinear { align_corners: false, half_pixel_centers: true };
                self.emit(&layer.name, op, &[x, size])
            }
            other => Err(Failure::new(format!("interpolation '{other}' is not supported"))),
        }
    }
}

/// A row several times, as the steps of a sequence.
fn repeat_vector(
    importer: &mut Importer<'_>,
    layer: &Layer,
    inputs: &[TensorId],
) -> Result<TensorId, Failure> {
    let x = only(inputs)?;
    let &[batch, size] = importer.dims(x).as_slice() else {
        return Err(Failure::new(format!("its input has the shape {:?}", importer.dims(x))));
    };
    let row = importer.reshape(&format!("{}/row", layer.name), x, &[batch, 1, size])?;
    let times = importer.builder.ints(&format!("{}/times", layer.name), &[1, layer.size("n")? as i32, 1])?;
    importer.emit(&layer.name, Tile {}, &[row, times])
}
