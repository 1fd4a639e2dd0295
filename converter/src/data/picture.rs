//! Pictures as inputs: decoded, resized, scaled to real numbers.

use std::path::Path;

use image::DynamicImage;
use image::imageops::FilterType;

use super::{Array, InputSpec};
use crate::Failure;

/// How the bytes of a picture become real numbers: `(x / 255 - mean) / std`, with one value for all
/// channels or one for each.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// Subtracted.
    pub mean: Vec<f32>,
    /// Divided by.
    pub std: Vec<f32>,
}

impl Default for Scaling {
    fn default() -> Self {
        Self { mean: vec![0.0], std: vec![1.0] }
    }
}

impl Scaling {
    fn apply(&self, x: u8, channel: usize) -> f32 {
        let of = |values: &[f32], none: f32| {
            values.get(if values.len() == 1 { 0 } else { channel }).copied().unwrap_or(none)
        };
        (f32::from(x) / 255.0 - of(&self.mean, 0.0)) / of(&self.std, 1.0)
    }

    fn check(&self, channels: usize) -> Result<(), Failure> {
        for (name, values) in [("--mean", &self.mean), ("--std", &self.std)] {
            if values.len() != 1 && values.len() != channels {
                let (found, s) = (values.len(), if channels == 1 { "" } else { "s" });
                return Err(Failure::usage(format!(
                    "{name} has {found} values, the model's input has {channels} channel{s}"
                ))
                .help("give one value for all channels or one for each"));
            }
        }
        if self.std.contains(&0.0) {
            return Err(Failure::usage("--std must not be 0"));
        }
        Ok(())
    }
}

/// The height, width and channels of a picture that `spec` takes, the first two `None` where any will do.
fn geometry(spec: &InputSpec<'_>) -> Option<(Option<u32>, Option<u32>, usize)> {
    let dims = spec.shape.dims();
    let first = match *dims {
        [_, _, _] => 0,
        [1, _, _, _] => 1,
        _ => return None,
    };
    let open = |axis: usize| spec.signature.get(axis) == Some(&-1);
    let size = |axis: usize| dims.get(axis).copied().filter(|_| !open(axis));
    let channels = spec.shape.dim(first + 2);
    matches!(channels, 1 | 3 | 4).then(|| (size(first), size(first + 1), channels))
}

/// The picture as real numbers in the shape that `spec` takes.
pub(super) fn read(path: &Path, spec: &InputSpec<'_>, scaling: &Scaling) -> Result<Array, Failure> {
    let Some((height, width, channels)) = geometry(spec) else {
        return Err(Failure::new(format!("{spec} takes no picture"))
            .help("a picture fits [1, H, W, C] or [H, W, C] with 1, 3 or 4 channels; give a .npy file"));
    };
    scaling.check(channels)?;
    let bad =
        |e: image::ImageError| Failure::new(format!("cannot read the picture '{}': {e}", path.display()));
    let reader = image::ImageReader::open(path).map_err(|e| bad(e.into()))?;
    let picture = reader.with_guessed_format().map_err(|e| bad(e.into()))?.decode().map_err(bad)?;
    let (height, width) = (height.unwrap_or(picture.height()), width.unwrap_or(picture.width()));
    let pixels = resize(picture, height, width, channels);
    let values: Vec<f32> = pixels.iter().enumerate().map(|(i, &x)| scaling.apply(x, i % channels)).collect();
    let mut shape = vec![height as usize, width as usize, channels];
    if spec.shape.rank() == 4 {
        shape.insert(0, 1);
    }
    Array::from_f32(shape, &values).ok_or_else(|| Failure::new("the picture does not fit the model's input"))
}

/// The picture's bytes, row by row, with bilinear filtering over the area that each pixel covers.
fn resize(picture: DynamicImage, height: u32, width: u32, channels: usize) -> Vec<u8> {
    let same = picture.height() == height && picture.width() == width;
    let picture = if same { picture } else { picture.resize_exact(width, height, FilterType::Triangle) };
    match channels {
        1 => picture.into_luma8().into_raw(),
        3 => picture.into_rgb8().into_raw(),
        _ => picture.into_rgba8().into_raw(),
    }
}
