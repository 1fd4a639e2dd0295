//! The options that tell how pictures become real values.

use crate::data::Scaling;

/// How pictures become real values.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Pictures {
    /// For pictures, which become (x / 255 - mean) / std: one value, or one for each channel
    #[arg(
        long,
        value_name = "MEAN",
        value_delimiter = ',',
        default_value = "0",
        allow_negative_numbers = true
    )]
    mean: Vec<f32>,
    /// For pictures, see --mean
    #[arg(long, value_name = "STD", value_delimiter = ',', default_value = "1")]
    std: Vec<f32>,
    /// Pictures give blue first
    #[arg(long)]
    bgr: bool,
}

impl Pictures {
    pub(super) fn scaling(&self) -> Scaling {
        Scaling { mean: self.mean.clone(), std: self.std.clone(), bgr: self.bgr }
    }
}
