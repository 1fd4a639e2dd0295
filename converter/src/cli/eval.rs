//! `sedge eval`: the accuracy of a classifier on labelled samples.

use std::path::{Path, PathBuf};

use sedge_runtime::TensorType;
use serde::Serialize;

use crate::Failure;
use crate::calibrate::Samples;
use crate::data::{Array, Npz};
use crate::evaluate::{Accuracy, top1};
use crate::exec::ModelFile;

/// Measure a classifier's accuracy on labelled samples
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sedge eval int8.tflite --data heldout.npz
  sedge eval float.tflite --data heldout.npz --json

The .npz file holds the samples (float32, the first dimension counting them; named as the model's input or 'x')
and the labels 'y' (integers from 0). Samples for quantized inputs are quantized with the input's scale.")]
pub(super) struct Args {
    /// The model, a .tflite file
    model: PathBuf,
    /// Samples and labels, an .npz file
    #[arg(short, long, value_name = "FILE")]
    data: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// The name of the array of labels.
const LABELS: &str = "y";

#[derive(Serialize)]
struct Evaluated {
    model: String,
    #[serde(flatten)]
    accuracy: Accuracy,
    top1_percent: f64,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let file = ModelFile::read(&args.model)?;
    let (mut samples, labels) = labelled(&file, &args.data)?;
    let accuracy = top1(&file, &mut samples, &labels)?;
    let result = Evaluated { model: file.name().to_owned(), accuracy, top1_percent: accuracy.percent() };
    if args.json {
        return super::print_json(&result);
    }
    let Accuracy { correct, samples } = accuracy;
    super::print(&format!("{}: {:.1} % ({correct} of {samples})", result.model, result.top1_percent))
}

/// The samples and the labels of an `.npz` file.
fn labelled(file: &ModelFile, path: &Path) -> Result<(Samples, Vec<i64>), Failure> {
    let mut npz = Npz::open(path)?;
    let labels = integers(&npz.array(LABELS)?).ok_or_else(|| {
        Failure::new(format!("the labels '{LABELS}' of '{}' are no integers", path.display()))
            .help("save them with .astype('int64')")
    })?;
    let model = file.model()?;
    let input = model.main().inputs().get(0).and_then(|t| model.main().tensors().get(t as usize));
    let name = input.map_or("", |t| t.name().as_str());
    let name = if npz.names().any(|n| n == name) { name } else { "x" };
    let array = npz.array(name)?;
    Ok((Samples::of(vec![array])?, labels))
}

/// The elements of an integer array.
pub(super) fn integers(array: &Array) -> Option<Vec<i64>> {
    let bytes = array.bytes();
    Some(match array.tensor_type() {
        TensorType::Int64 => bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b)).collect(),
        TensorType::Int32 => bytes.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b).into()).collect(),
        TensorType::UInt8 => bytes.iter().map(|&b| b.into()).collect(),
        TensorType::Int8 => bytes.iter().map(|&b| (b as i8).into()).collect(),
        _ => return None,
    })
}
