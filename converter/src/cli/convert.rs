//! `sedge convert`: other models, and float ones, to int8 `.tflite` files.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Serialize;

use crate::Failure;
use crate::convert::{Precision, Report, convert};
use crate::exec::ModelFile;
use crate::quantize::{BorderType, Options};
use crate::report::table::{number, table, text};

/// Convert a model, and quantize it to int8
///
/// Calibration runs the float model on samples of what it will see, to learn the range of every
/// activation. A hundred samples usually do.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sedge convert digits_float.tflite -o digits.tflite --calibration samples.npz
  sedge convert digits_float.tflite -o digits.tflite --calibration samples/ --output-type float32
  sedge convert old.tflite -o new.tflite --quantize none")]
pub(super) struct Args {
    /// The model, a .tflite file
    source: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Samples: a .npz (an array [N, ...] called as the input or 'x', or one for each input), a .npy, or a
    /// folder of these
    #[arg(long, value_name = "PATH")]
    calibration: Option<PathBuf>,
    /// How numbers are stored and computed
    #[arg(long, value_enum, default_value_t = Quantize::Int8)]
    quantize: Quantize,
    /// What the converted model takes
    #[arg(long, value_enum, value_name = "TYPE", default_value_t = Border::Int8)]
    input_type: Border,
    /// What the converted model gives
    #[arg(long, value_enum, value_name = "TYPE", default_value_t = Border::Int8)]
    output_type: Border,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Quantize {
    /// Weights and activations in 8 bits
    Int8,
    /// As in the source
    None,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Border {
    Int8,
    Float32,
}

impl From<Border> for BorderType {
    fn from(border: Border) -> Self {
        match border {
            Border::Int8 => Self::Int8,
            Border::Float32 => Self::Float32,
        }
    }
}

#[derive(Serialize)]
struct Output<'r> {
    source: String,
    output: String,
    #[serde(flatten)]
    report: &'r Report,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let options = Options { input_type: args.input_type.into(), output_type: args.output_type.into() };
    let precision = match (args.quantize, &args.calibration) {
        (Quantize::Int8, Some(path)) => Precision::Int8(path, options),
        (Quantize::None, _) => Precision::Keep,
        (Quantize::Int8, None) => {
            return Err(Failure::usage("int8 needs samples to learn the activations' ranges from")
                .help("give --calibration with a .npz of inputs, or --quantize none to keep the numbers"));
        }
    };
    let file = ModelFile::read(&args.source)?;
    let converted = convert(file.name(), file.bytes(), precision)?;
    write(&args.output, &converted.bytes)?;
    let output = args.output.display().to_string();
    let report = Output { source: file.name().to_owned(), output, report: &converted.report };
    if args.json { super::print_json(&report) } else { super::print(&human(&report)) }
}

fn human(output: &Output<'_>) -> String {
    let Report { source_bytes, bytes, samples, operators } = output.report;
    let mut rows = table(&["operator", ">count"]);
    for (name, count) in operators {
        rows.add_row([name.clone(), count.to_string()]);
    }
    let calibrated = if *samples == 0 {
        String::new()
    } else {
        format!("calibrated with {} samples\n", number(*samples as u64))
    };
    let percent = 100.0 * *bytes as f64 / (*source_bytes).max(1) as f64;
    format!(
        "{} -> {}\n{} -> {} bytes ({percent:.0} %)\n{calibrated}\n{}",
        output.source,
        output.output,
        number(*source_bytes as u64),
        number(*bytes as u64),
        text(&rows)
    )
}

/// Writes a file whole or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let bad = |e: std::io::Error| {
        Failure::new(format!("cannot write '{}': {e}", path.display())).help("does the folder exist?")
    };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(bad)?;
    file.write_all(bytes).and_then(|()| file.flush()).map_err(bad)?;
    super::readable(&file).map_err(bad)?;
    file.persist(path).map_err(|e| bad(e.error))?;
    Ok(())
}
