//! `sedge eval`: the accuracy of a model over labelled samples.

use std::path::PathBuf;

use serde::Serialize;

use super::engine::Engine;
use crate::Failure;
use crate::evaluate::{Evaluation, Labelled, evaluate};
use crate::exec::ModelFile;

/// Measure how often a classifier is right
///
/// A sample counts as right when the largest output is at its label's index.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sedge eval digits.tflite --data heldout.npz")]
pub(super) struct Args {
    /// The model, a .tflite file
    model: PathBuf,
    /// Samples and labels: a .npz with the arrays x [N, ...] and y [N]; float32 is quantized for
    /// quantized inputs
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    engine: Engine,
}

#[derive(Serialize)]
struct Report {
    model: String,
    accuracy: f64,
    #[serde(flatten)]
    evaluation: Evaluation,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let file = ModelFile::read(&args.model)?;
    let data = Labelled::read(&args.data)?;
    let evaluation = evaluate(&file, &data, &args.engine.options(Vec::new()))?;
    let report = Report { model: file.name().to_owned(), accuracy: evaluation.accuracy(), evaluation };
    if args.json {
        return super::print_json(&report);
    }
    let Evaluation { correct, samples, median_us } = evaluation;
    let percent = 100.0 * report.accuracy;
    super::print(&format!("{percent:.1} % ({correct} of {samples} samples right), {median_us:.1} us each"))
}
