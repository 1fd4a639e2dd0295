//! `sedge frontend`: an audio front end as a model.

use std::path::PathBuf;

use serde::Serialize;

use crate::Failure;
use crate::export::to_tflite;
use crate::frontend::{Frontend, Input, Output};

/// Write the audio front end of a keyword network as a model
///
/// The model takes samples of sound and gives the features of a frame: the log-mel features of the micro-frontend of
/// TensorFlow and tflite-micro, which public keyword models were trained with, in integer arithmetic. What it must remember
/// from one invocation to the next it keeps itself. It runs here and in tflite-micro, and can be compiled into firmware.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sedge frontend -o frontend.tflite
  sedge frontend --hop 10 -o frontend.tflite
  sedge compile frontend.tflite -o src/frontend.rs")]
pub(super) struct Args {
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Samples per second
    #[arg(long, value_name = "HZ", default_value_t = Frontend::default().rate)]
    rate: u32,
    /// Length of a frame
    #[arg(long, value_name = "MS", default_value_t = Frontend::default().window_ms)]
    window: u32,
    /// From the start of a frame to that of the next
    #[arg(long, value_name = "MS", default_value_t = Frontend::default().hop_ms)]
    hop: u32,
    /// Features of a frame
    #[arg(long, value_name = "N", default_value_t = Frontend::default().channels)]
    channels: u32,
    /// The lowest frequency that is heard
    #[arg(long, value_name = "HZ", allow_negative_numbers = true, default_value_t = Frontend::default().low_hz)]
    low: f64,
    /// The highest frequency that is heard
    #[arg(long, value_name = "HZ", default_value_t = Frontend::default().high_hz)]
    high: f64,
    /// Leave each channel as loud as it is: no per-channel amplitude normalization (PCAN)
    #[arg(long)]
    no_pcan: bool,
    /// What one invocation takes
    #[arg(long, value_enum, default_value_t = Frontend::default().input)]
    input: Input,
    /// What it gives
    #[arg(long, value_enum, default_value_t = Frontend::default().output)]
    features: Output,
    /// Print what was written as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    model: String,
    description: String,
    window_samples: usize,
    hop_samples: usize,
    bytes: usize,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let frontend = Frontend {
        rate: args.rate,
        window_ms: args.window,
        hop_ms: args.hop,
        channels: args.channels,
        low_hz: args.low,
        high_hz: args.high,
        gain_control: !args.no_pcan,
        input: args.input,
        output: args.features,
    };
    let graph = frontend.graph()?;
    let file = to_tflite(&graph)?;
    super::write_file(&args.output, &file)?;
    let report = Report {
        model: args.output.display().to_string(),
        description: graph.description,
        window_samples: frontend.window()?,
        hop_samples: frontend.hop()?,
        bytes: file.len(),
    };
    if args.json {
        return super::print_json(&report);
    }
    super::print(&format!("{}: {}", report.model, report.description))
}
