//! Pictures as inputs: decoded, resized, scaled to real numbers.

use std::path::Path;

use image::DynamicImage;
use image::imageops::FilterType;
use sedge_runtime::schema::Shape;

use super::{Array, InputSpec};
use crate::Failure;

/// How a picture of another size is brought to an input's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Resizing {
    /// Each dimension by itself, whatever becomes of the proportions.
    #[default]
    Stretch,
    /// As large as fits whole, in the middle, with black around it.
    Fit,
    /// As small as fills the input; what is over on both sides is cut off.
    Crop,
}

/// How the bytes of a picture become real numbers: `(x * scale - mean) / std`, with one mean and deviation for all channels
/// or one for each.
#[derive(Clone, Debug, PartialEq)]
pub struct Scaling {
    /// Multiplied with; `None` for 1 / 255.
    pub scale: Option<f32>,
    /// Subtracted.
    pub mean: Vec<f32>,
    /// Divided by.
    pub std: Vec<f32>,
    /// Whether blue comes first.
    pub bgr: bool,
    /// What is done where the size is another.
    pub resizing: Resizing,
}

impl Default for Scaling {
    fn default() -> Self {
        Self { scale: None, mean: vec![0.0], std: vec![1.0], bgr: false, resizing: Resizing::Stretch }
    }
}

impl Scaling {
    fn apply(&self, x: u8, channel: usize) -> f32 {
        let of = |values: &[f32], none: f32| {
            values.get(if values.len() == 1 { 0 } else { channel }).copied().unwrap_or(none)
        };
        let x = f32::from(x);
        let scaled = self.scale.map_or(x / 255.0, |scale| x * scale);
        (scaled - of(&self.mean, 0.0)) / of(&self.std, 1.0)
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
        if self.scale.is_some_and(|scale| scale == 0.0 || !scale.is_finite()) {
            return Err(Failure::usage("--scale must be a number other than 0"));
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
    let (height, width, values) = decode(path, (height, width), channels, scaling)?;
    let mut shape = vec![height as usize, width as usize, channels];
    if spec.shape.rank() == 4 {
        shape.insert(0, 1);
    }
    Array::from_f32(shape, &values).ok_or_else(|| Failure::new("the picture does not fit the model's input"))
}

/// Height, width and real numbers of a picture, channels last; a size that is not given is the picture's own.
fn decode(
    path: &Path,
    (height, width): (Option<u32>, Option<u32>),
    channels: usize,
    scaling: &Scaling,
) -> Result<(u32, u32, Vec<f32>), Failure> {
    scaling.check(channels)?;
    let bad =
        |e: image::ImageError| Failure::new(format!("cannot read the picture '{}': {e}", path.display()));
    let reader = image::ImageReader::open(path).map_err(|e| bad(e.into()))?;
    let picture = reader.with_guessed_format().map_err(|e| bad(e.into()))?.decode().map_err(bad)?;
    let (height, width) = (height.unwrap_or(picture.height()), width.unwrap_or(picture.width()));
    let mut pixels = resize(picture, (height, width), channels, scaling.resizing);
    if scaling.bgr && channels >= 3 {
        pixels.chunks_exact_mut(channels).for_each(|pixel| pixel.swap(0, 2));
    }
    let values = pixels.iter().enumerate().map(|(i, &x)| scaling.apply(x, i % channels)).collect();
    Ok((height, width, values))
}

/// A picture as one sample for an input `[1, rows, columns, channels]` or `[1, channels, rows, columns]` with 1, 3 or 4
/// channels.
///
/// # Errors
/// Where the input is no image, or the picture cannot be read.
pub(crate) fn sample(path: &Path, shape: &Shape, scaling: &Scaling) -> Result<Array, Failure> {
    let is_channels = |c: u32| matches!(c, 1 | 3 | 4);
    let (height, width, channels, is_first) = match *shape.dims() {
        [1, h, w, c] if is_channels(c) => (h, w, c, false),
        [1, c, h, w] if is_channels(c) => (h, w, c, true),
        _ => {
            return Err(Failure::new(format!("an input of shape {shape} takes no picture"))
                .help("give samples as .npy or .npz files"));
        }
    };
    let (_, _, mut values) = decode(path, (Some(height), Some(width)), channels as usize, scaling)?;
    if is_first {
        let (plane, channels) = ((height * width) as usize, channels as usize);
        values = (0..plane * channels)
            .map(|i| values.get(i % plane * channels + i / plane).copied().unwrap_or(0.0))
            .collect();
    }
    let dims = shape.dims().iter().map(|&d| d as usize).collect();
    Array::from_f32(dims, &values).ok_or_else(|| Failure::new("the picture does not fit the model's input"))
}

/// The picture's bytes, row by row, with bilinear filtering over the area that each pixel covers.
fn resize(
    picture: DynamicImage,
    (height, width): (u32, u32),
    channels: usize,
    resizing: Resizing,
) -> Vec<u8> {
    let same = picture.height() == height && picture.width() == width;
    let picture = match resizing {
        _ if same => picture,
        Resizing::Stretch => picture.resize_exact(width, height, FilterType::Triangle),
        Resizing::Crop => picture.resize_to_fill(width, height, FilterType::Triangle),
        Resizing::Fit => {
            let small = picture.resize(width, height, FilterType::Triangle);
            let mut whole = DynamicImage::new(width, height, picture.color());
            let middle = |whole: u32, part: u32| i64::from((whole - part.min(whole)) / 2);
            let (x, y) = (middle(width, small.width()), middle(height, small.height()));
            image::imageops::overlay(&mut whole, &small, x, y);
            whole
        }
    };
    match channels {
        1 => picture.into_luma8().into_raw(),
        3 => picture.into_rgb8().into_raw(),
        _ => picture.into_rgba8().into_raw(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_stand_where_the_input_has_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        // Two pixels: (255, 0, 51) and (0, 51, 102).
        image::RgbImage::from_raw(2, 1, vec![255, 0, 51, 0, 51, 102]).unwrap().save(&path).unwrap();
        let found = |dims: &[u32], scaling: &Scaling| {
            let shape = Shape::new(dims).unwrap();
            sample(&path, &shape, scaling).map(|array| array.to_f32().unwrap())
        };
        let plain = Scaling::default();
        assert_eq!(found(&[1, 1, 2, 3], &plain).unwrap(), [1.0, 0.0, 0.2, 0.0, 0.2, 0.4]);
        assert_eq!(found(&[1, 3, 1, 2], &plain).unwrap(), [1.0, 0.0, 0.0, 0.2, 0.2, 0.4]);
        let scaling = Scaling { mean: vec![0.0, 0.0, 1.0], std: vec![0.5], bgr: true, ..plain.clone() };
        assert_eq!(found(&[1, 1, 2, 3], &scaling).unwrap(), [0.4, 0.0, 0.0, 0.8, 0.4, -2.0]);
        let scaling = Scaling { scale: Some(1.0), mean: vec![5.0], ..plain.clone() };
        assert_eq!(found(&[1, 1, 2, 3], &scaling).unwrap(), [250.0, -5.0, 46.0, -5.0, 46.0, 97.0]);
        // Two rows of two pixels: the picture is one row, which the middle rounds up to.
        let sized = |resizing| Scaling { scale: Some(1.0), resizing, ..plain.clone() };
        let row = [255.0, 0.0, 51.0, 0.0, 51.0, 102.0];
        assert_eq!(found(&[1, 2, 2, 3], &sized(Resizing::Stretch)).unwrap(), [row, row].concat());
        assert_eq!(found(&[1, 2, 2, 3], &sized(Resizing::Fit)).unwrap(), [row, [0.0; 6]].concat());
        // One pixel out of two is the left one.
        assert_eq!(found(&[1, 1, 1, 3], &sized(Resizing::Crop)).unwrap(), row[..3]);
        assert!(found(&[1, 5, 1, 2], &plain).is_err());
        assert!(found(&[1, 1, 2, 3], &Scaling { std: vec![0.0], ..plain }).is_err());
    }
}
