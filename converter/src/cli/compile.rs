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
  sedge compile digits.tflite --signature serve > digits.rs
  sedge compile digits.tflite -o src/digits.rs --fast-memory 64k")]
pub(super) struct Args {
    /// The model, a .tflite file
    model: PathBuf,
    /// Write the source to this file, not to the standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Compile the graph of this named entry point, not the main one
    #[arg(long, value_name = "NAME")]
    signature: Option<String>,
    /// Bytes of a fast region of memory (64k is 64 times 1024), which holds the tensors with the most traffic; the others lie in a
    /// second one, and `Model::new` takes both
    #[arg(long, value_name = "BYTES", value_parser = super::bytes)]
    fast_memory: Option<usize>,
    /// With --output, print what the model takes as JSON
    #[arg(long, requires = "output")]
    json: bool,
}

/// The regions that a model runs in.
#[derive(Serialize)]
struct Regions {
    fast_bytes: usize,
    slow_bytes: usize,
    /// Bytes that an invocation reads and writes there, about.
    fast_traffic: u64,
    slow_traffic: u64,
}

#[derive(Serialize)]
struct Report {
    source: String,
    arena_bytes: usize,
    /// The two regions, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    regions: Option<Regions>,
    data_bytes: usize,
    operators: usize,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let file = ModelFile::read(&args.model)?;
    let model = file.model_for(args.signature.as_deref())?;
    check_operators(&model, ExecOptions::default().resolver)?;
    let name = args.model.file_name().unwrap_or_default().to_string_lossy();
    let compiled =
        sedge_compile::compile_model(model, &name, args.fast_memory).map_err(|error| match error {
            sedge_compile::Error::Run(error) => explain(&model, error),
            error => Failure::new(format!("'{}' cannot be compiled", args.model.display())).cause(error),
        })?;
    let Some(path) = args.output else { return super::print(&compiled.source) };
    super::write_file(&path, compiled.source.as_bytes())?;
    let report = Report {
        source: path.display().to_string(),
        arena_bytes: compiled.arena,
        regions: compiled.regions.map(|r| Regions {
            fast_bytes: r.fast,
            slow_bytes: r.slow,
            fast_traffic: r.traffic[0],
            slow_traffic: r.traffic[1],
        }),
        data_bytes: compiled.data,
        operators: compiled.operators,
    };
    if args.json {
        return super::print_json(&report);
    }
    let mut text = format!(
        "{}: {} operators, an arena of {} bytes, {} bytes of weights and prepared data",
        report.source,
        report.operators,
        number(report.arena_bytes as u64),
        number(report.data_bytes as u64),
    );
    if let Some(Regions { fast_bytes, slow_bytes, fast_traffic, slow_traffic }) = report.regions {
        let share = 100.0 * fast_traffic as f64 / (fast_traffic + slow_traffic).max(1) as f64;
        let (fast, slow) = (number(fast_bytes as u64), number(slow_bytes as u64));
        text +=
            &format!("\nfast memory {fast} bytes, with {share:.0} % of the traffic; the other {slow} bytes");
    }
    super::print(&text)
}
