//! Sounds as inputs: WAV files cut into windows of the length that a model takes.

use std::path::Path;

use hound::{SampleFormat, WavReader};
use sedge_runtime::schema::Shape;

use super::Array;
use crate::Failure;

/// The windows of a WAV file, one behind the other, `[windows, length]`: its first channel, from -1 to 1. The last one
/// is filled with silence where the file ends within it.
///
/// # Errors
/// Where the file cannot be read, or the model takes no sound.
pub(crate) fn windows(path: &Path, shape: &Shape) -> Result<Array, Failure> {
    let length = shape.elements();
    if length < 2 || shape.dims().iter().filter(|&&d| d != 1).count() != 1 {
        return Err(Failure::new(format!("an input of shape {shape} takes no sound"))
            .help("give features as .npy or .npz files"));
    }
    let bad = |e: hound::Error| Failure::new(format!("cannot read the sound '{}': {e}", path.display()));
    let mut reader = WavReader::open(path).map_err(bad)?;
    let spec = reader.spec();
    let channels = usize::from(spec.channels.max(1));
    let mut values: Vec<f32> = match spec.sample_format {
        SampleFormat::Float => {
            reader.samples::<f32>().step_by(channels).collect::<Result<_, _>>().map_err(bad)?
        }
        SampleFormat::Int => {
            let scale = 1.0 / (1u64 << (spec.bits_per_sample.clamp(1, 32) - 1)) as f32;
            let samples = reader.samples::<i32>().step_by(channels);
            samples.map(|s| s.map(|s| s as f32 * scale)).collect::<Result<_, _>>().map_err(bad)?
        }
    };
    let count = values.len().div_ceil(length);
    values.resize(count * length, 0.0);
    Array::from_f32(vec![count, length], &values).ok_or_else(|| Failure::new("the sound does not fit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_are_cut_into_windows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 16000,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        // The first channel counts in halves and quarters; the second is not looked at.
        for value in [16384i16, -1, 8192, -1, -32768, -1] {
            writer.write_sample(value).unwrap();
        }
        writer.finalize().unwrap();
        let found = windows(&path, &Shape::new(&[1, 2]).unwrap()).unwrap();
        assert_eq!((found.shape(), found.to_f32().unwrap()), (&[2, 2][..], vec![0.5, 0.25, -1.0, 0.0]));
        assert!(windows(&path, &Shape::new(&[1, 4, 4]).unwrap()).is_err());
        std::fs::write(&path, b"RIFF nothing").unwrap();
        assert!(windows(&path, &Shape::new(&[1, 2]).unwrap()).is_err());
    }
}
