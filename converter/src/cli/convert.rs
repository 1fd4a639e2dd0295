//! `sedge convert`: a float model becomes an int8 one.

use std::path::PathBuf;

use serde::Serialize;

use crate::Failure;
use crate::calibrate::Samples;
use crate::convert::{float_graph, input_names, to_int8};
use crate::exec::ModelFile;
use crate::import::Source;
use crate::quantize::{BorderType, Options};
use crate::report::table::number;

/// Convert a float model to full int8, calibrated on sample data
///
/// The result is a .tflite file that Sedge, LiteRT and tflite-micro run. Weights are quantized per
/// channel, activations by the smallest and largest value that they take on the samples.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sedge convert float.tflite -o int8.tflite --calibration samples.npz
  sedge convert float.tflite -o int8.tflite --calibration samples/ --input-type float32 --output-type float32

Samples are float32 as the model takes them: an .npz file with one array for each input (named as the
input, or 'x' where there is one), its first dimension counting samples; or a folder of .npz and .npy files.
About 100 samples that look like real inputs are enough.")]
pub(super) struct Args {
    /// The float model, a .tflite file
    source: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Samples: an .npz file, or a folder of .npz and .npy files
    #[arg(short, long, value_name = "PATH")]
    calibration: PathBuf,
    /// Type of the converted model's inputs
    #[arg(long, value_enum, default_value = "int8")]
    input_type: BorderType,
    /// Type of the converted model's outputs
    #[arg(long, value_enum, default_value = "int8")]
    output_type: BorderType,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Done {
    source: String,
    output: String,
    samples: usize,
    operators: usize,
    source_bytes: usize,
    output_bytes: usize,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let source = ModelFile::read(&args.source)?;
    let graph =
        float_graph(&Source::new(source.name(), source.bytes()), &Default::default(), &mut |_, _| {})?;
    let operators = graph.nodes().len();
    let mut samples = Samples::open(&args.calibration, &input_names(&graph))?;
    let options = Options { inputs: args.input_type, outputs: args.output_type };
    let converted = to_int8(graph, &mut samples, &options)?;
    super::write_file(&args.output, &converted)?;
    let done = Done {
        source: source.name().to_owned(),
        output: args.output.display().to_string(),
        samples: samples.len(),
        operators,
        source_bytes: source.bytes().len(),
        output_bytes: converted.len(),
    };
    if args.json {
        return super::print_json(&done);
    }
    let Done { source, output, samples, operators, source_bytes, output_bytes } = done;
    let (before, after) = (number(source_bytes as u64), number(output_bytes as u64));
    super::print(&format!(
        "{source}: {before} bytes, {operators} operators\n{output}: {after} bytes, int8, calibrated on {samples} samples"
    ))
}
