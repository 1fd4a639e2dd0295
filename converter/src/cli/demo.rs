//! `sedge demo`: the whole way, on a model and data that the command carries with it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Failure;
use crate::convert::{Precision, convert};
use crate::evaluate::{Evaluation, Labelled, device_arena, evaluate};
use crate::exec::{ExecOptions, ModelFile};
use crate::quantize::Options;
use crate::report::table::{number, table, text};

/// A file of the digits model.
macro_rules! digits {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/digits/", $name))
    };
}

const FLOAT: &[u8] = digits!("digits_float.tflite");
const TENSORFLOW: &[u8] = digits!("digits_int8_tf.tflite");
const CALIBRATION: &[u8] = digits!("calibration.npz");
const HELD_OUT: &[u8] = digits!("heldout.npz");

/// Convert a small model to int8 and compare it with the original
///
/// The model reads handwritten digits, 8 by 8 pixels. Model and data are part of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Keep the converted model in this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    model: &'static str,
    accuracy: f64,
    #[serde(flatten)]
    evaluation: Evaluation,
    bytes: usize,
    device_arena_bytes: usize,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let bad = |e| Failure::new(format!("cannot use a temporary folder: {e}"));
    let folder = tempfile::tempdir().map_err(bad)?;
    let keep = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).map(|()| path).map_err(bad)
    };
    let calibration = keep("calibration.npz", CALIBRATION)?;
    let data = Labelled::read(&keep("heldout.npz", HELD_OUT)?)?;
    let precision = Precision::Int8(&calibration, Options::default());
    let converted = convert("digits_float.tflite", FLOAT, precision)?;
    let rows = [
        row("float", FLOAT, &data)?,
        row("int8, by Sedge", &converted.bytes, &data)?,
        row("int8, by TensorFlow", TENSORFLOW, &data)?,
    ];
    let kept = args.out.map(|folder| save(&folder, &converted.bytes)).transpose()?;
    if args.json {
        return super::print_json(&rows);
    }
    let mut out = human(&rows, converted.report.samples);
    if let Some(path) = kept {
        out += &format!("\nwritten: {}", path.display());
    }
    super::print(&out)
}

fn save(folder: &Path, bytes: &[u8]) -> Result<PathBuf, Failure> {
    let bad = |e| Failure::new(format!("cannot make the folder '{}': {e}", folder.display()));
    fs::create_dir_all(folder).map_err(bad)?;
    let path = folder.join("digits_int8.tflite");
    super::convert::write(&path, bytes)?;
    Ok(path)
}

fn row(model: &'static str, bytes: &[u8], data: &Labelled) -> Result<Row, Failure> {
    let file = ModelFile::from_bytes(model, bytes)?;
    let evaluation = evaluate(&file, data, &ExecOptions::default())?;
    let device_arena_bytes = device_arena(&file)?;
    Ok(Row { model, accuracy: evaluation.accuracy(), evaluation, bytes: bytes.len(), device_arena_bytes })
}

fn human(rows: &[Row], samples: usize) -> String {
    let mut out = table(&["model", ">accuracy", ">bytes", ">device arena", ">median time"]);
    for row in rows {
        out.add_row([
            row.model.to_owned(),
            format!("{:.1} %", 100.0 * row.accuracy),
            number(row.bytes as u64),
            number(row.device_arena_bytes as u64),
            format!("{:.1} us", row.evaluation.median_us),
        ]);
    }
    let held_out = rows.first().map_or(0, |r| r.evaluation.samples);
    format!(
        "Handwritten digits: calibrated with {samples} samples, measured on {held_out} others.\n\n{}",
        text(&out)
    )
}
