//! `sedge convert`: a trained model into the format, in the form that is asked for.

use std::num::NonZero;
use std::path::PathBuf;

use serde::Serialize;

use super::compare::short;
use super::pictures::Pictures;
use super::source::{Opened, Reading};
use crate::Failure;
use crate::calibrate::{Calibration, DEFAULT_PERCENTILE, Method, Range, SampleSpec, Samples};
use crate::convert::{Converted, convert, float_graph};
use crate::exec::ModelFile;
use crate::export::to_tflite;
use crate::graph::Graph;
use crate::import::Source;
use crate::memory::Fitted;
use crate::mixed::Mixed;
use crate::quantize::{BorderType, Options, Scheme};
use crate::report::html::Report;
use crate::report::table::number;

/// Convert a trained model: full int8, calibrated on sample data, or another form
///
/// The result is a .tflite file that Sedge, LiteRT and tflite-micro run. It keeps the source's inputs and outputs:
/// names, order, shapes, layout.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sedge convert float.tflite -o int8.tflite --calibration samples.npz
  sedge convert model.onnx -o int8.tflite --calibration samples/ --input-type float32 --output-type float32
  sedge convert model.keras -o int8.tflite --calibration photos/ --mean 0.5 --std 0.5
  sedge convert saved_model/ -o int8.tflite --calibration samples.npz --signature serving_default
  sedge convert model.onnx -o float.tflite --quantize none --channels-last
  sedge convert model.onnx -o int8.tflite --calibration photos/ --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
  sedge convert model.onnx -o int8.tflite --calibration samples/ --report report.html
  sedge convert model.onnx -o mixed.tflite --calibration samples/ --min-sqnr 30
  sedge convert int8.tflite -o smaller.tflite --max-arena 48k
  sedge convert model.onnx -o small.tflite --quantize dynamic --input-shape images=1,3,224,224
  sedge convert model.onnx -o int8.tflite --calibration samples/ --calibration-method mse --keep-float SOFTMAX

Samples are float32 as the model takes them: an .npz file with one array for each input (named as the
input, or 'x' where there is one), its first dimension counting samples; or a folder of .npz and .npy files, of pictures
(brought to the input's size, see --resize and --scale), or of WAV files (cut into windows of the input's length, from -1 to 1).
About 100 samples that look like real inputs are enough.")]
pub(super) struct Args {
    /// The model: .tflite, .onnx, .keras, .h5, or the folder of a SavedModel
    source: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The form of the result
    #[arg(short, long, value_enum, default_value = "int8")]
    quantize: Scheme,
    /// Samples: an .npz file, or a folder of .npz, .npy, .png, .jpg, .bmp and .wav files
    #[arg(short, long, value_name = "PATH")]
    calibration: Option<PathBuf>,
    #[command(flatten)]
    pictures: Pictures,
    /// How the range of each activation is chosen from what it is on the samples; percentile by default, min-max for
    /// int16x8
    #[arg(long, value_enum)]
    calibration_method: Option<MethodName>,
    /// For --calibration-method percentile: how many of 100 values are kept
    #[arg(long, value_name = "PERCENT", default_value_t = DEFAULT_PERCENTILE, value_parser = percentage)]
    percentile: f64,
    /// What an input can be, whatever it is in the samples, so that its integers stand for what its source means by them: those of
    /// `sedge frontend` for 0,25.8984375. With more than one input, NAME=MIN,MAX
    #[arg(long, value_name = "MIN,MAX", value_parser = input_range, allow_hyphen_values = true)]
    input_range: Vec<(Option<String>, Range)>,
    /// Samples that run at the same time; all cores by default
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
    /// Operators that stay in float32: the name of what one writes, or a kind, such as SOFTMAX
    #[arg(long, value_name = "NODE", num_args = 1..)]
    keep_float: Vec<String>,
    /// Leave as few operators in float32 as it takes for the outputs to have this signal to quantization noise ratio on the
    /// samples; each operator is tried
    #[arg(long, value_name = "DB", value_parser = decibels)]
    min_sqnr: Option<f64>,
    /// Even out the weights of neighbouring layers before they are quantized (cross-layer equalization): for models whose
    /// channels differ widely
    #[arg(long)]
    equalize: bool,
    /// Make the model run in an arena of this many bytes (48k is 48 times 1024) on a microcontroller, as `sedge inspect`
    /// tells it: the layers that need most are computed strip by strip, with the same bits and some work twice
    #[arg(long, value_name = "BYTES", value_parser = super::bytes)]
    max_arena: Option<usize>,
    /// Leave operators that have no form in integers in float32, instead of refusing the model
    #[arg(long)]
    allow_float: bool,
    /// Type of the converted model's inputs: its integers, or real values
    #[arg(long, value_enum, default_value = "int8")]
    input_type: BorderType,
    /// Type of the converted model's outputs: its integers, or real values
    #[arg(long, value_enum, default_value = "int8")]
    output_type: BorderType,
    #[command(flatten)]
    reading: Reading,
    /// Write the graph after each pass into this folder, as .tflite files
    #[arg(long, value_name = "DIR")]
    dump_graph: Option<PathBuf>,
    /// Write what became of the model into this file: .html, a page with histograms, noise by layer, memory and operators, or
    /// .json, the same for machines
    #[arg(long, value_name = "FILE", value_parser = report_file)]
    report: Option<PathBuf>,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

/// The names of the methods.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum MethodName {
    /// The smallest and the largest value
    MinMax,
    /// The smallest and the largest value of each sample, averaged over samples
    MovingAverage,
    /// What is left when --percentile of all values are kept
    Percentile,
    /// The least mean squared error of the quantized values
    Mse,
    /// The least Kullback-Leibler divergence of the quantized values
    Entropy,
}

impl MethodName {
    fn with(self, percentile: f64) -> Method {
        match self {
            Self::MinMax => Method::MinMax,
            Self::MovingAverage => Method::MovingAverage,
            Self::Percentile => Method::Percentile(percentile),
            Self::Mse => Method::Mse,
            Self::Entropy => Method::Entropy,
        }
    }
}

/// A file whose name tells the kind of the report.
fn report_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().and_then(|e| e.to_str()) {
        Some("html" | "json") => Ok(path),
        _ => Err("give a name that ends in .html or .json".to_owned()),
    }
}

/// A ratio in dB.
fn decibels(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(ratio) if ratio > 0.0 && ratio <= 120.0 => Ok(ratio),
        _ => Err("give a number above 0, at most 120".to_owned()),
    }
}

/// A range, of an input that may be named.
fn input_range(text: &str) -> Result<(Option<String>, Range), String> {
    let (name, ends) =
        text.rsplit_once('=').map_or((None, text), |(name, ends)| (Some(name.to_owned()), ends));
    let ends: Option<Vec<f32>> = ends.split(',').map(|end| end.trim().parse().ok()).collect();
    match ends.as_deref() {
        Some(&[min, max]) if min.is_finite() && max.is_finite() && min < max => {
            Ok((name, Range { min, max }))
        }
        _ => Err("give the smallest and the largest value, such as -1,1".to_owned()),
    }
}

/// A number of percent above 50, at most 100.
fn percentage(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if share > 50.0 && share <= 100.0 => Ok(share),
        _ => Err("give a number above 50, at most 100".to_owned()),
    }
}

impl Args {
    fn calibration(&self) -> Calibration {
        let method = match self.calibration_method {
            None => match self.quantize.calibration() {
                Method::Percentile(_) => Method::Percentile(self.percentile),
                method => method,
            },
            Some(method) => method.with(self.percentile),
        };
        Calibration { method, threads: self.threads }
    }

    /// Reads the source, writing the graph down on its way where that is asked for.
    fn graph(&self, source: &Source<'_>) -> Result<Graph, Failure> {
        let mut step = 0;
        let mut failed = None;
        let graph = float_graph(source, &self.reading.options(), &mut |pass, graph| {
            let Some(folder) = &self.dump_graph else { return };
            let path = folder.join(format!("{step:02}-{pass}.tflite"));
            step += 1;
            let written = to_tflite(graph).and_then(|bytes| {
                std::fs::create_dir_all(folder).map_err(|e| {
                    Failure::new(format!("cannot make the folder '{}': {e}", folder.display()))
                })?;
                super::write_file(&path, &bytes)
            });
            failed = failed.take().or(written.err());
        })?;
        failed.map_or(Ok(graph), Err)
    }
}

#[derive(Serialize)]
struct Done {
    source: String,
    output: String,
    form: &'static str,
    samples: usize,
    operators: usize,
    source_bytes: usize,
    output_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    mixed: Option<Mixed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<Fitted>,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let opened = Opened::read(&args.source)?;
    let source = opened.source();
    let graph = args.graph(&source)?;
    let operators = graph.nodes().len();
    let spec = SampleSpec { scaling: args.pictures.scaling(), ..SampleSpec::of(&graph) };
    let mut samples = match &args.calibration {
        Some(path) if args.quantize.needs_samples() => Some(Samples::open(path, &spec)?),
        Some(_) => {
            let form = args.quantize.name();
            return Err(Failure::usage(format!("{form} needs no samples")).help("leave --calibration out"));
        }
        None => None,
    };
    let options = Options {
        scheme: args.quantize,
        keep_float: args.keep_float.clone(),
        min_sqnr: args.min_sqnr,
        kept: Vec::new(),
        input_ranges: args.input_range.clone(),
        equalize: args.equalize,
        allow_float: args.allow_float,
        inputs: args.input_type,
        outputs: args.output_type,
    };
    let float = args.report.as_ref().map(|_| to_tflite(&graph)).transpose()?;
    let Converted { file, mixed, memory } =
        convert(graph, samples.as_mut(), &args.calibration(), &options, args.max_arena)?;
    // What cannot be reported is not written either.
    let report = match (&args.report, float) {
        (Some(path), Some(float)) => {
            let float = ModelFile::from_bytes(source.name, &float)?;
            let name = args.output.display().to_string();
            let result = ModelFile::from_bytes(&name, &file)?;
            let report = Report::new(&source, args.quantize.name(), &float, &result, samples.as_mut())?;
            let is_json = path.extension().is_some_and(|e| e == "json");
            Some((path, if is_json { report.json()? } else { report.html() }))
        }
        _ => None,
    };
    super::write_file(&args.output, &file)?;
    if let Some((path, text)) = report {
        super::write_file(path, text.as_bytes())?;
    }
    let done = Done {
        source: source.name.to_owned(),
        output: args.output.display().to_string(),
        form: args.quantize.name(),
        samples: samples.as_ref().map_or(0, Samples::len),
        operators,
        source_bytes: source.bytes.len(),
        output_bytes: file.len(),
        mixed,
        memory,
    };
    if args.json {
        return super::print_json(&done);
    }
    let Done { source, output, form, samples, operators, source_bytes, output_bytes, mixed, memory } = done;
    let (before, after) = (number(source_bytes as u64), number(output_bytes as u64));
    let calibrated = if samples == 0 { String::new() } else { format!(", calibrated on {samples} samples") };
    let mut lines = vec![
        format!("{source}: {before} bytes, {operators} operators"),
        format!("{output}: {after} bytes, {form}{calibrated}"),
    ];
    if let Some(Mixed { kept, before_db, after_db }) = mixed {
        lines.push(match kept.len() {
            0 => format!("signal to noise {before_db:.1} dB, all in integers"),
            1 => format!(
                "signal to noise {after_db:.1} dB with 1 operator in float32, {before_db:.1} dB without:"
            ),
            n => format!(
                "signal to noise {after_db:.1} dB with {n} operators in float32, {before_db:.1} dB without:"
            ),
        });
        lines.extend(kept.iter().map(|k| format!("  {} '{}'", k.operator, short(&k.tensor))));
    }
    lines.extend(memory.iter().flat_map(memory_lines));
    super::print(&lines.join("\n"))
}

/// What became of the model's memory, for people.
fn memory_lines(memory: &Fitted) -> Vec<String> {
    let mut lines = vec![format!("arena {} bytes on a microcontroller", number(memory.after as u64))];
    if memory.before != memory.after {
        lines[0] += &format!(", {} before:", number(memory.before as u64));
    }
    if memory.reordered {
        lines.push("  operators run in another order than the source's".to_owned());
    }
    lines.extend(memory.strips.iter().map(|s| {
        let extra = number(s.extra_macs);
        format!(
            "  operators {} to {} run in {} strips, {extra} multiply-accumulates more",
            s.first, s.last, s.count
        )
    }));
    lines
}
