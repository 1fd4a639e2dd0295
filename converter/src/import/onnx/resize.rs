//! Resizing of images.

use sedge_schema::op::{Gather, ResizeBilinear, ResizeNearestNeighbor};

use super::call::Call;
use super::interpolate::interpolated;
use super::value::{Value, channels_last};
use super::{Handler, Importer};
use crate::Failure;

pub(super) fn handler(name: &str) -> Option<Handler> {
    matches!(name, "Resize" | "Upsample").then_some(resize as Handler)
}

/// How one dimension is resized.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) from: usize,
    pub(super) to: usize,
    /// `to / from` before it was rounded.
    pub(super) scale: f64,
}

/// Where the sample for position `x` is taken, by `coordinate_transformation_mode`; `None` for modes that are
/// not known.
pub(super) fn coordinate(mode: &str, change: &Change, x: usize) -> Option<f64> {
    let (x, from, to) = (x as f64, change.from as f64, change.to as f64);
    Some(match mode {
        "half_pixel" => (x + 0.5) / change.scale - 0.5,
        "pytorch_half_pixel" if change.to > 1 => (x + 0.5) / change.scale - 0.5,
        // The centre stays where it is, whatever was cut off when the size was rounded.
        "half_pixel_symmetric" => {
            let kept = to / (change.scale * from);
            from / 2.0 * (1.0 - kept) + (x + 0.5) / change.scale - 0.5
        }
        "pytorch_half_pixel" => 0.0,
        "asymmetric" => x / change.scale,
        "align_corners" if change.to > 1 => x * (from - 1.0) / (to - 1.0),
        "align_corners" => 0.0,
        _ => return None,
    })
}

fn changes(importer: &mut Importer<'_>, call: &Call<'_>, dims: &[usize]) -> Result<Vec<Change>, Failure> {
    let scales_at = if call.op() == "Upsample" || call.opset < 11 { 1 } else { 2 };
    let sizes = match call.op() == "Resize" && call.opset >= 11 && call.has(3) {
        true => Some(importer.known_ints(call, 3)?),
        false => None,
    };
    let scales = match (&sizes, call.has(scales_at)) {
        (None, true) => importer.known_floats(call, scales_at)?,
        _ => call.floats("scales").unwrap_or_default().to_vec(),
    };
    let axes: Vec<usize> = match call.ints("axes") {
        Some(axes) => {
            axes.iter().map(|&a| (if a < 0 { a + dims.len() as i64 } else { a }) as usize).collect()
        }
        None => (0..dims.len()).collect(),
    };
    let given = sizes.as_ref().map_or(scales.len(), Vec::len);
    if given != axes.len() || axes.iter().any(|&axis| axis >= dims.len()) {
        return call.refuse(format!("{given} sizes or scales for {} dimensions", axes.len()));
    }
    // One scale for all sides, with which none is larger, or none smaller, than asked for.
    let asked = |sizes: &Vec<i64>| -> Vec<f64> {
        let of =
            |(&axis, &size): (&usize, &i64)| size as f64 / dims.get(axis).copied().unwrap_or(1).max(1) as f64;
        axes.iter().zip(sizes).map(of).collect()
    };
    let common = sizes.as_ref().and_then(|sizes| match call.text("keep_aspect_ratio_policy", "stretch") {
        "not_larger" => asked(sizes).into_iter().reduce(f64::min),
        "not_smaller" => asked(sizes).into_iter().reduce(f64::max),
        _ => None,
    });
    let change = |(axis, &from): (usize, &usize)| {
        if let Some(scale) = common.filter(|_| axes.contains(&axis)) {
            return Change { from, to: (from as f64 * scale + 0.5).floor() as usize, scale };
        }
        let k = axes.iter().position(|&a| a == axis);
        let size = sizes.as_ref().and_then(|s| s.get(k?)).map(|&s| usize::try_from(s).unwrap_or(0));
        let scale = scales.get(k.unwrap_or(usize::MAX)).map(|&s| f64::from(s));
        let to = size.or(scale.map(|s| (from as f64 * s).floor() as usize)).unwrap_or(from);
        Change { from, to, scale: scale.unwrap_or(to as f64 / from.max(1) as f64) }
    };
    let changes: Vec<Change> = dims.iter().enumerate().map(change).collect();
    match changes.iter().all(|c| (1..=1 << 16).contains(&c.to)) {
        true => Ok(changes),
        false => call.refuse("the new size is not between 1 and 65536"),
    }
}

fn resize(importer: &mut Importer<'_>, call: &Call<'_>) -> Result<(), Failure> {
    let input = importer.input(call, 0)?;
    let rank = input.axes.len();
    let dims = importer.dims(&input);
    let changes = changes(importer, call, &dims)?;
    let is_old = call.op() == "Upsample" || call.opset < 11;
    let otherwise = if is_old { "asymmetric" } else { "half_pixel" };
    let coordinates = call.text("coordinate_transformation_mode", otherwise);
    let sides = sides(&changes);
    let result = match (call.text("mode", "nearest"), sides) {
        ("nearest", Some(sides)) => {
            let rounding = call.text("nearest_mode", if is_old { "floor" } else { "round_prefer_floor" });
            let image = importer.as_image(&call.part("image"), &input)?;
            let result = nearest(importer, call, &image, sides, (coordinates, rounding))?;
            importer.image_back(&call.part("line"), result, rank)?
        }
        ("nearest", None) => {
            return call.refuse("only images can be resized, not their batch or their channels");
        }
        (mode @ ("linear" | "bilinear" | "cubic"), sides) => {
            let way = sides.filter(|_| mode != "cubic" && call.int("antialias", 0) == 0);
            match way.and_then(|sides| Some((sides, bilinear(&sides, coordinates)?))) {
                Some((sides, op)) => {
                    let image = importer.as_image(&call.part("image"), &input)?;
                    let result = linear(importer, call, &image, sides, op)?;
                    importer.image_back(&call.part("line"), result, rank)?
                }
                None => interpolated(importer, call, &input, &changes, coordinates)?,
            }
        }
        (other, _) => return call.refuse(format!("resizing of mode '{other}' is not supported")),
    };
    importer.set(call, 0, result)
}

/// How rows and columns of an image change, whose batch and channels do not; a line is an image of one row.
fn sides(changes: &[Change]) -> Option<[Change; 2]> {
    let is_kept = |c: &Change| c.from == c.to;
    match changes {
        [batch, channels, w] if is_kept(batch) && is_kept(channels) => {
            Some([Change { from: 1, to: 1, scale: 1.0 }, *w])
        }
        [batch, channels, h, w] if is_kept(batch) && is_kept(channels) => Some([*h, *w]),
        _ => None,
    }
}

/// The format's operator, which works out the scale from the sizes, where it takes the same samples.
fn bilinear(sides: &[Change; 2], coordinates: &str) -> Option<ResizeBilinear> {
    let is_exact = |c: &Change| (c.scale * c.from as f64 - c.to as f64).abs() < 1e-3;
    let (align_corners, half_pixel_centers) = match coordinates {
        "align_corners" => (true, false),
        "asymmetric" if sides.iter().all(is_exact) => (false, false),
        "half_pixel" | "half_pixel_symmetric" if sides.iter().all(is_exact) => (false, true),
        "pytorch_half_pixel" if sides.iter().all(|c| is_exact(c) && (c.to > 1 || c.from == 1)) => {
            (false, true)
        }
        _ => return None,
    };
    Some(ResizeBilinear { align_corners, half_pixel_centers })
}

fn linear(
    importer: &mut Importer<'_>,
    call: &Call<'_>,
    image: &Value,
    sides: [Change; 2],
    op: ResizeBilinear,
) -> Result<Value, Failure> {
    let [h, w] = sides;
    let size = importer.builder.ints(&call.part("size"), &[h.to as i32, w.to as i32])?;
    let tensor = importer.arrange(image, &channels_last(4))?;
    let kind = importer.kind(image);
    let tensor = importer.builder.emit(call.name(), op, &[tensor, size], kind)?;
    Ok(Value { tensor, axes: channels_last(4) })
}

/// For each position of the result the element that the model takes.
fn picked(change: &Change, coordinates: &str, rounding: &str) -> Option<Vec<usize>> {
    let pick = |x: usize| {
        let at = coordinate(coordinates, change, x)?;
        let at = match rounding {
            "round_prefer_floor" => (at - 0.5).ceil(),
            "round_prefer_ceil" => (at + 0.5).floor(),
            "floor" => at.floor(),
            "ceil" => at.ceil(),
            _ => return None,
        };
        Some((at.max(0.0) as usize).min(change.from.saturating_sub(1)))
    };
    (0..change.to).map(pick).collect()
}

/// For each position the element that RESIZE_NEAREST_NEIGHBOR takes (tflite's `resize_nearest_neighbor.h`).
fn taken(change: &Change, align_corners: bool, half_pixel_centers: bool) -> Vec<usize> {
    let (from, to) = (change.from as f32, change.to as f32);
    let scale = if align_corners && change.to > 1 { (from - 1.0) / (to - 1.0) } else { from / to };
    let offset = if half_pixel_centers { 0.5 } else { 0.0 };
    let take = |x: usize| {
        let at = (x as f32 + offset) * scale;
        let at = if align_corners { at.round() } else { at.floor() };
        (at.max(0.0) as usize).min(change.from.saturating_sub(1))
    };
    (0..change.to).map(take).collect()
}

/// One operator where its choice of elements is the model's, else one GATHER for each dimension.
fn nearest(
    importer: &mut Importer<'_>,
    call: &Call<'_>,
    image: &Value,
    sides: [Change; 2],
    (coordinates, rounding): (&str, &str),
) -> Result<Value, Failure> {
    let wanted: Option<Vec<Vec<usize>>> = sides.iter().map(|c| picked(c, coordinates, rounding)).collect();
    let Some(wanted) = wanted else {
        return call
            .refuse(format!("coordinates '{coordinates}' with rounding '{rounding}' are not supported"));
    };
    let kind = importer.kind(image);
    let ways = [(false, false), (false, true), (true, false)];
    let fits = |&(align, half): &(bool, bool)| {
        sides.iter().zip(&wanted).all(|(change, wanted)| taken(change, align, half) == *wanted)
    };
    if let Some(&(align_corners, half_pixel_centers)) = ways.iter().find(|way| fits(way)) {
        let [h, w] = sides;
        let size = importer.builder.ints(&call.part("size"), &[h.to as i32, w.to as i32])?;
        let tensor = importer.arrange(image, &channels_last(4))?;
        let op = ResizeNearestNeighbor { align_corners, half_pixel_centers };
        let tensor = importer.builder.emit(call.name(), op, &[tensor, size], kind)?;
        return Ok(Value { tensor, axes: channels_last(4) });
    }
    let mut value = image.clone();
    for (axis, (name, wanted)) in (2..).zip(["rows", "columns"].into_iter().zip(&wanted)) {
        let list: Vec<i32> = wanted.iter().map(|&i| i as i32).collect();
        let list = importer.builder.ints(&call.part(&format!("{name}/indices")), &list)?;
        let stored = value.axes.get(axis).copied().unwrap_or(0) as i32;
        let op = Gather { axis: stored, batch_dims: 0 };
        value.tensor = importer.builder.emit(&call.part(name), op, &[value.tensor, list], kind)?;
    }
    Ok(value)
}
