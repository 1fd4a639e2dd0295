//! `sedge compile`: a model as Rust source.

use std::path::PathBuf;

use serde::Serialize;

use crate::Failure;
use crate::exec::{ExecOptions, ModelFile, check_operators, explain};
use crate::report::table::number;

/// Write a model as Rust source that runs without its file, for firmware
///
/// The source is what `include_model!` of the crate sedge-macros makes: the model planned and prepared, weights in flash,
/// `ARENA_SIZE`, inputs and outputs as arrays. It stands in a module of its own and needs the crate sedge-runtime. The
/// device neither reads a file nor plans, and links the kernels of the model's operators only.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sedge compile digits.tflite -o src/digits.rs
  sedge compile digits.tflite --signature serve > digits.rs")]
pub(super) struct Args {
    /// The model, a .tflite file
    model: PathBuf,
    /// Write the source to this file, not to the standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Compile the graph of this named entry point, not the main one
    #[arg(long, value_name = "NAME")]
    signature: Option<String>,
    /// With --output, print what the model takes as JSON
    #[arg(long, requires = "output")]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    source: String,
    arena_bytes: usize,
    data_bytes: usize,
    operators: usize,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let file = ModelFile::read(&args.model)?;
    let model = file.model_for(args.signature.as_deref())?;
    check_operators(&model, ExecOptions::default().resolver)?;
    let name = args.model.file_name().unwrap_or_default().to_string_lossy();
    let compiled = sedge_compile::compile_model(model, &name).map_err(|error| match error {
        sedge_compile::Error::Run(error) => explain(&model, error),
        error => Failure::new(format!("'{}' cannot be compiled", args.model.display())).cause(error),
    })?;
    let Some(path) = args.output else { return super::print(&compiled.source) };
    super::write_file(&path, compiled.source.as_bytes())?;
    let report = Report {
        source: path.display().to_string(),
        arena_bytes: compiled.arena,
        data_bytes: compiled.data,
        operators: compiled.operators,
    };
    if args.json {
        return super::print_json(&report);
    }
    super::print(&format!(
        "{}: {} operators, an arena of {} bytes, {} bytes of weights and prepared data",
        report.source,
        report.operators,
        number(report.arena_bytes as u64),
        number(report.data_bytes as u64),
    ))
}
