//! The options that tell how pictures become real values.

use crate::data::{Resizing, Scaling};

/// How pictures become real values.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Pictures {
    /// For pictures, whose bytes become (x * scale - mean) / std; 1 / 255 by default
    #[arg(long, value_name = "FACTOR")]
    scale: Option<f32>,
    /// For pictures, see --scale: one value, or one for each channel
    #[arg(
        long,
        value_name = "MEAN",
        value_delimiter = ',',
        default_value = "0",
        allow_negative_numbers = true
    )]
    mean: Vec<f32>,
    /// For pictures, see --scale
    #[arg(long, value_name = "STD", value_delimiter = ',', default_value = "1")]
    std: Vec<f32>,
    /// Pictures give blue first
    #[arg(long)]
    bgr: bool,
    /// How pictures of another size are brought to the input's
    #[arg(long, value_enum, default_value = "stretch")]
    resize: Resizing,
}

impl Pictures {
    pub(super) fn scaling(&self) -> Scaling {
        Scaling {
            scale: self.scale,
            mean: self.mean.clone(),
            std: self.std.clone(),
            bgr: self.bgr,
            resizing: self.resize,
        }
    }
}
