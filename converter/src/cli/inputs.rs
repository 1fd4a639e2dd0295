//! The options that give a model its inputs.

use std::path::PathBuf;

use clap::Args;
use sedge_runtime::{Error, Model, Session, Shape};

use super::pictures::Pictures;
use crate::Failure;
use crate::data::{InputSpec, Preparation, Prepared, load};
use crate::exec::Random;

/// What the model is run on.
#[derive(Clone, Debug, Args)]
pub(super) struct Inputs {
    /// Data for an input, once for each in the model's order: .npy, .npz (arrays by the inputs' names,
    /// else in order), .png, .jpg or .bmp (see --scale and --resize), .bin or .raw (the plain bytes)
    #[arg(short, long = "input", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Quantize float32 data for quantized inputs: round(x / scale) + zero point
    #[arg(long)]
    quantize_inputs: bool,
    #[command(flatten)]
    pictures: Pictures,
}

/// The data of all inputs.
pub(super) enum Feed {
    Given(Vec<Prepared>),
    /// From a fixed seed.
    Random,
}

impl Inputs {
    /// Reads the files.
    pub(super) fn load(&self, model: &Model<'_>) -> Result<Feed, Failure> {
        let scaling = self.pictures.scaling();
        let preparation = Preparation { quantize: self.quantize_inputs, scaling };
        load(&self.files, &InputSpec::of(model), &preparation).map(Feed::Given)
    }

    /// Reads the files, or takes random data where none is given.
    pub(super) fn load_or_random(&self, model: &Model<'_>) -> Result<Feed, Failure> {
        if self.files.is_empty() { Ok(Feed::Random) } else { self.load(model) }
    }
}

impl Feed {
    /// The shapes that the session must give its inputs.
    pub(super) fn shapes(&self) -> Vec<Option<Shape>> {
        match self {
            Self::Given(inputs) if inputs.iter().any(|i| i.resized) => {
                inputs.iter().map(|i| i.resized.then_some(i.shape)).collect()
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn is_random(&self) -> bool {
        matches!(self, Self::Random)
    }

    /// Sets all inputs of the session.
    pub(super) fn set(&self, session: &mut Session<'_>) -> Result<(), Error> {
        let mut random = Random::new(SEED);
        for i in 0..session.inputs() {
            match self {
                Self::Given(inputs) => {
                    let data = inputs.get(i).map(|p| p.bytes.as_slice()).unwrap_or_default();
                    let bytes = session.input_bytes_mut(i)?;
                    let (expected, found) = (bytes.len() as u32, data.len() as u32);
                    if expected != found {
                        return Err(Error::Length { expected, found });
                    }
                    bytes.copy_from_slice(data);
                }
                Self::Random => {
                    let tensor_type = session.input_type(i)?;
                    random.fill(tensor_type, session.input_bytes_mut(i)?);
                }
            }
        }
        Ok(())
    }
}

/// The seed of random inputs.
const SEED: u64 = 1;
